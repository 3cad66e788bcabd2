-- Tells which runs the search index now knows.
-- KEYS: changes.  ARGV: most changes to keep, 1 if some may not have been told; then project and runs of each change.
local told = true
if ARGV[2] == '1' then
    told = tell_gap(KEYS[1], ARGV[1])
end
for i = 3, #ARGV, 2 do
    told = told and tell(KEYS[1], '~', ARGV[1], 'project', ARGV[i], 'runs', ARGV[i + 1])
end
if not told then
    redis.call('XTRIM', KEYS[1], 'MAXLEN', '=', 1)
    tell_gap(KEYS[1], 1)
end
return 1
