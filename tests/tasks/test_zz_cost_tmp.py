from tests.tasks.conftest import *  # noqa
from tasks import sweep, consume, reading
from pipeline.ledger import tables as t
def test_cost(bench):
    ids=[]
    for name in [p.name for p in sweep.polls_of(bench.parts)]:
        pass
    orders=[bench.desk.sell() for _ in range(3)]
    for p in sweep.polls_of(bench.parts): sweep.run_poll(bench.parts,"alder",p)
    rmas=[bench.desk.open_return(o) for o in orders]
    bench.desk.forget_calls()
    for r in rmas: bench.nudge(r)
    bench.read()
    for step in range(60):
        due=[e for e in bench.rows(t.entries) if e["due_at"] and e["due_at"]<=bench.clock()]
        for e in due: consume.run(bench.parts,e["id"])
        bench.clock.forward(60)
        bench.read()
    from collections import Counter
    print(Counter((c["system"],c["method"],c["path"]) for c in bench.desk.calls("cin7")+bench.desk.calls("returngo")))
    print([(e["consumer"],e["state"],e["reason"]) for e in bench.rows(t.entries)])
    bench.desk.forget_calls()
    for step in range(48):
        for p in sweep.polls_of(bench.parts): sweep.run_poll(bench.parts,"alder",p)
        bench.read()
        due=[e for e in bench.rows(t.entries) if e["due_at"] and e["due_at"]<=bench.clock()]
        for e in due: consume.run(bench.parts,e["id"])
        bench.clock.forward(1800)
    print(Counter((c["system"],c["method"],c["path"]) for c in bench.desk.calls("cin7")+bench.desk.calls("returngo")))
