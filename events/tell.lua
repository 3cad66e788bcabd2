-- Tells whoever listens which runs changed; it stands before the scripts that do so.
-- The ids of a changes stream are <life>-<number>: the time at which the stream began, and a count of its entries without a
-- hole, so that a reader sees from the ids alone whether it missed one.
local function tell(changes, bound, most, field, value, ...)
    local last = redis.pcall('XREVRANGE', changes, '+', '-', 'COUNT', 1)[1]
    local id = last and string.match(last[1], '^%d+') .. '-*' or '*'
    return type(redis.pcall('XADD', changes, 'MAXLEN', bound, most, id, field, value, ...)) == 'string'
end

-- Told where memory is full, too, if the script has dropped something before. Then what was told so far goes: it takes room.
local function tell_gap(changes, most)
    return tell(changes, '=', most, 'gap', 1)
end
