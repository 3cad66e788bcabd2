-- Drops the entries of one shard that are in the database, if the stream still lives the life in which they were read.
-- KEYS: stream, epoch.  ARGV: epoch id, the smallest id to keep, events and bytes drained in this epoch.
if redis.call('HGET', KEYS[2], 'id') ~= ARGV[1] then
    return 0
end
redis.call('XTRIM', KEYS[1], 'MINID', '=', ARGV[2])
redis.call('HSET', KEYS[2], 'drained_events', ARGV[3], 'drained_bytes', ARGV[4])
return 1
