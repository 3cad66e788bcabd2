-- What of a shard's stream is not in the database.
-- KEYS: stream, epoch.  ARGV: epoch and entry id of the shard's cursor in the database.
local epoch = redis.call('HMGET', KEYS[2], 'id', 'events', 'bytes', 'drained_events', 'drained_bytes')
local after = '-'
if epoch[1] == ARGV[1] then
    after = '(' .. ARGV[2]
end
local first = redis.call('XRANGE', KEYS[1], after, '+', 'COUNT', 1)
-- Its id alone: an entry may be as large as a request.
return {
    epoch[1] or '', epoch[2] or '0', epoch[3] or '0', epoch[4] or '0', epoch[5] or '0', first[1] and first[1][1] or ''
}
