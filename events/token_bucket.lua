-- Takes tokens for requests of one caller, in their order, as one atomic step.
-- KEYS: the buckets. Each is the time at which it is full again, in microseconds of this server; a full one is not there.
-- ARGV: seconds that fill a bucket, and that a debt may last; events and bytes that are taken in any case; for each bucket
-- its tokens a second, what it counts ('events' or 'bytes') and the tokens wanted in advance; events and bytes of each request.
-- A request passes while no bucket is empty, whatever it costs: so one that is larger than a bucket passes, too, and the
-- next one waits until its debt is paid.
-- Returns how many passed, 1 if the advance was given, and of each bucket its tokens and the microseconds until it has some.
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local burst, debt = ARGV[1] * 1000000, ARGV[2] * 1000000
local buckets = {}
for i, key in ipairs(KEYS) do
    local at = 2 + 3 * i
    local bucket = {rate = ARGV[at] / 1000000, unit = ARGV[at + 1], wanted = tonumber(ARGV[at + 2])}
    -- A clock that was set back must not keep a bucket empty for longer than the largest debt.
    local missing = math.min(math.max((redis.call('GET', key) or 0) - now, 0), burst + debt)
    bucket.tokens = (burst - missing) * bucket.rate
    buckets[i] = bucket
end

local function take(events, bytes)
    for _, bucket in ipairs(buckets) do
        bucket.tokens = bucket.tokens - (bucket.unit == 'events' and events or bytes)
    end
end

local function none_is_empty()
    for _, bucket in ipairs(buckets) do
        if bucket.tokens <= 0 then
            return false
        end
    end
    return true
end

take(ARGV[3], ARGV[4])
local passed, requests = 0, 5 + 3 * #KEYS
for i = requests, #ARGV, 2 do
    if not none_is_empty() then
        break
    end
    take(ARGV[i], ARGV[i + 1])
    passed = passed + 1
end

-- In advance only while there is plenty: what one process holds, the others lack.
local advance = 1
for _, bucket in ipairs(buckets) do
    if bucket.tokens - bucket.wanted < burst * bucket.rate / 2 then
        advance = 0
    end
end

local answer = {passed, advance}
for i, bucket in ipairs(buckets) do
    bucket.tokens = bucket.tokens - advance * bucket.wanted
    local missing = math.min(burst - bucket.tokens / bucket.rate, burst + debt)
    if missing > 0 then
        redis.call('SET', KEYS[i], string.format('%.2f', now + missing), 'PX', math.ceil(missing / 1000) + 1)
    end
    answer[#answer + 1] = math.floor(bucket.tokens)
    answer[#answer + 1] = math.ceil(math.max(missing - burst, 0)) + (bucket.tokens <= 0 and 1 or 0)
end
return answer
