import random, psycopg, pytest
from worker.drain import Outcome
from tests.integration.conftest import client, drain
from tests.conftest import *

def rnd(n, seed):
    r = random.Random(seed)
    return "".join(chr(r.randrange(0x10000, 0x10FFFF)) for _ in range(n))

def test_wide(client, drain, database):
    a = client.post("/v1/events", json=[{"type":"run","id":"0190b5a0-0000-7000-8000-000000000001","agent":{"name":"a"}},
      {"type":"step","runId":"0190b5a0-0000-7000-8000-000000000001","toolName":rnd(256,1),"kind":rnd(256,2),"model":rnd(256,3)}])
    print(a.status_code, a.text[:300])
    try:
        print("dead", drain())
    except Exception as e:
        print("ERR", type(e), str(e)[:300])
    for i in range(3):
        try:
            print("again", drain())
        except Exception as e:
            print("ERR", type(e), str(e)[:200])
    print(database.execute("select count(*) from steps").fetchall(), database.execute("select count(*) from pending_tools").fetchall(), database.execute("select count(*) from rollup_totals").fetchall())
    assert 0
