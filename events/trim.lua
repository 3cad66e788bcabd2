-- Drops the entries of one shard that are in the database, if the stream still lives the life in which they were read, and
-- tells which runs they changed.
-- KEYS: stream, epoch, changes.  ARGV: epoch id, the smallest id to keep, events and bytes drained in this epoch, entries in
-- the batch, most changes to keep; then project and runs of each change.
if redis.call('HGET', KEYS[2], 'id') ~= ARGV[1] then
    return 0
end
-- The changes go first: a script may fill memory that is full only once it has written something.
local told = true
for i = 7, #ARGV, 2 do
    told = told and tell(KEYS[3], '~', ARGV[6], 'project', ARGV[i], 'runs', ARGV[i + 1])
end
local dropped = redis.call('XTRIM', KEYS[1], 'MINID', '=', ARGV[2])
-- A drain that was stopped and wakes up late must not take back what another has noted since.
if tonumber(ARGV[3]) > tonumber(redis.call('HGET', KEYS[2], 'drained_events') or 0) then
    redis.call('HSET', KEYS[2], 'drained_events', ARGV[3], 'drained_bytes', ARGV[4])
end
if not told then
    tell_gap(KEYS[3], 1)
elseif dropped > tonumber(ARGV[5]) then
    -- Another drain stored these and ended before it could tell of them.
    tell_gap(KEYS[3], ARGV[6])
end
return 1
