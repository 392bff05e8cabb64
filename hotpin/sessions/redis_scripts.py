"""What is done to the sessions in Redis: a script each, which Redis runs as a whole or not at all.

Keys: ``hotpin:1:sessions`` is a sorted set of the session ids by their last activity, ``hotpin:1:session:ID`` a hash
with ``agent``, ``count``, ``last_number``, and of each turn its words in ``w:NUMBER`` and what was heard of it in
``s:NUMBER``. The 1 is the version of this layout. A session's hash also expires by Redis's own clock, so that words are
deleted where no Hotpin runs any more.
"""

PREFIX = "hotpin:1:"
ALL = f"{PREFIX}sessions"


def session_key(session_id: str) -> str:
    """Name the hash of a session."""
    return f"{PREFIX}session:{session_id}"


def added_key(token: str) -> str:
    """Name what remembers for a minute which number an addition was given."""
    return f"{PREFIX}added:{token}"


# KEYS: all sessions, the session. ARGV: its id, the oldest moment that is kept.
_CURRENT = """
local all, session, id, oldest = KEYS[1], KEYS[2], ARGV[1], tonumber(ARGV[2])
local function current()
    local moment = redis.call('ZSCORE', all, id)
    if moment and tonumber(moment) >= oldest and redis.call('EXISTS', session) == 1 then return moment end
    return false
end
"""

# ARGV: also the agent, now, and how long it is kept (ms, 0 for ever).
_USE = f"""{_CURRENT}
local function use()
    if not current() then redis.call('DEL', session) end
    redis.call('ZADD', all, ARGV[4], id)
    redis.call('HSET', session, 'agent', ARGV[3])
    if ARGV[5] == '0' then redis.call('PERSIST', session) else redis.call('PEXPIRE', session, ARGV[5]) end
end
"""

TOUCH = f"{_USE} use()"

# KEYS: also what remembers this addition. ARGV: also the turn's words, and what was heard.
# Where the answer was lost on the way, the same addition is asked for again: it must not count twice.
ADD = f"""{_USE}
local before = redis.call('GET', KEYS[3])
if before then return tonumber(before) end
use()
local number = redis.call('HINCRBY', session, 'last_number', 1)
redis.call('HINCRBY', session, 'count', 1)
redis.call('HSET', session, 'w:' .. number, ARGV[6], 's:' .. number, ARGV[7])
redis.call('SET', KEYS[3], number, 'EX', 60)
return number
"""

# ARGV: also the turn's number, and what was heard.
AMEND = f"""{_CURRENT}
if current() and redis.call('HEXISTS', session, 'w:' .. ARGV[3]) == 1 then
    redis.call('HSET', session, 's:' .. ARGV[3], ARGV[4])
end
"""

# ARGV: also the turn's number.
RETRACT = f"""{_CURRENT}
if current() and redis.call('HDEL', session, 'w:' .. ARGV[3], 's:' .. ARGV[3]) > 0 then
    redis.call('HINCRBY', session, 'count', -1)
end
"""

# ARGV: also how many turns, -1 for all. Gives the agent, the last activity, the count, and the turns, the newest first.
LOAD = f"""{_CURRENT}
local moment = current()
if not moment then return false end
local known = redis.call('HMGET', session, 'agent', 'count', 'last_number')
local turns, number, wanted = {{}}, tonumber(known[3] or '0'), tonumber(ARGV[3])
while number > 0 and #turns ~= wanted do
    local turn = redis.call('HMGET', session, 'w:' .. number, 's:' .. number)
    if turn[1] then turns[#turns + 1] = {{number, turn[1], turn[2]}} end
    number = number - 1
end
return {{known[1], moment, known[2] or '0', turns}}
"""

# KEYS: all sessions. ARGV: what session keys begin with, the oldest moment that is kept.
LIST = """
local listed = {}
local found = redis.call('ZRANGEBYSCORE', KEYS[1], ARGV[2], '+inf', 'WITHSCORES')
for at = 1, #found, 2 do
    local known = redis.call('HMGET', ARGV[1] .. found[at], 'agent', 'count')
    if known[1] then listed[#listed + 1] = {found[at], known[1], found[at + 1], known[2] or '0'} end
end
return listed
"""

DELETE = f"""{_CURRENT}
local there = current()
redis.call('ZREM', all, id)
redis.call('DEL', session)
return there and 1 or 0
"""

# KEYS: all sessions. ARGV: what session keys begin with, the oldest moment that is kept.
EXPIRE = """
local deleted = 0
for _, id in ipairs(redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', '(' .. ARGV[2])) do
    deleted = deleted + redis.call('DEL', ARGV[1] .. id)
    redis.call('ZREM', KEYS[1], id)
end
return deleted
"""
