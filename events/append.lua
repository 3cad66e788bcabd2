-- Appends entries to the stream of one shard and asks whether its bell must be rung, as one atomic step.
-- KEYS: stream, epoch, bell.
-- ARGV: a fresh epoch id, bell TTL in ms, number of shards, events, bytes; then project, count and events of each entry.
-- The entries go first: when memory is full they fail before anything else was changed.
for i = 6, #ARGV, 3 do
    redis.call('XADD', KEYS[1], '*', 'project', ARGV[i], 'count', ARGV[i + 1], 'events', ARGV[i + 2])
end
redis.call('HSETNX', KEYS[2], 'id', ARGV[1])
redis.call('HINCRBY', KEYS[2], 'events', ARGV[4])
redis.call('HINCRBY', KEYS[2], 'bytes', ARGV[5])
redis.call('HSET', KEYS[2], 'shards', ARGV[3])
if redis.call('SET', KEYS[3], 1, 'NX', 'PX', ARGV[2]) then
    return 1
end
return 0
