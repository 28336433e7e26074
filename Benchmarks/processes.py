"""A coordinator and its participants as processes of the released program, as an operator and the owners would start them."""

import collections
import json
import pathlib
import random
import shutil
import sqlite3
import subprocess
import tempfile
import time

# Two hidden layers of this width and four columns are a million parameters; thirty rows train them in no time.
WIDTH, ROWS = 996, 30

PLAN = """\
name: benchmark
averaging: secure
privacy: none
model: {{ family: table, hidden: [{width}, {width}], activation: relu }}
schema:
  label: {{ name: y, values: ["0", "1"] }}
  columns:
    - {{ name: a, type: number, range: [-10, 10] }}
    - {{ name: b, type: number, range: [-10, 10] }}
    - {{ name: c, type: number, range: [-10, 10] }}
    - {{ name: d, type: number, range: [-10, 10] }}
training: {{ optimizer: sgd, learningRate: 0.001, weightDecay: 0, batchSize: 0, epochs: 1 }}
rounds: {rounds}
cohort: {{ size: {participants}, minimumSurvivors: {survivors}, assumedColluders: 1, deadlineSeconds: 120 }}
update: {{ clipNorm: 5.0, maximumWeight: {rows}, weights: examples, targetError: 0.001 }}
server: {{ learningRate: 1.0 }}
seed: 1
"""

Run = collections.namedtuple("Run", "rounds up peak")
Run.__doc__ = "Seconds of each update round but the first, masked bytes that one sends in one, MiB of the coordinator."


class Federation:
    """Enrolled participants that wait for runs. A context: at its end no process is left."""

    def __init__(self, program, participants):
        self.program, self.count = str(program), participants
        self.processes = {}

    def __enter__(self):
        # Under /tmp, because the path of a Unix socket must be short.
        self.home = pathlib.Path(tempfile.mkdtemp(prefix="tributary-bench."))
        try:
            self.start()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        for process in self.processes.values():
            process.terminate()
        for process in self.processes.values():
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        shutil.rmtree(self.home)

    def start(self):
        self.call("coordinator", "init", "--host", "127.0.0.1", "--listen", "127.0.0.1:0")
        self.spawn("coordinator", "serve")
        self.until(lambda: self.answers("coordinator", "status"), "the coordinator")
        for name in self.names:
            rows = self.home / f"{name}.csv"
            rows.write_text(table(name))
            invitation = self.call(
                "coordinator", "invite", name, "--organisation", f"{name} hospital").splitlines()[-1]
            self.call(name, "join", invitation, "--data", rows, "--enrol-only")

    @property
    def names(self):
        return [f"site-{index:02}" for index in range(self.count)]

    def run(self, rounds):
        """Runs a plan of so many update rounds, and gives what its rounds took."""
        plan = self.home / "plan.yaml"
        plan.write_text(PLAN.format(
            width=WIDTH, rows=ROWS, rounds=rounds, participants=self.count, survivors=max(3, (self.count + 1) // 2 + 1)))
        digest = json.loads(self.call("coordinator", "plan", "check", plan, "--json", homeless=True))["digest"]
        for name in self.names:
            if name not in self.processes:
                self.call(name, "policy", "allow", digest)
                self.spawn(name, "join")
        self.until(self.all_present, "the participants")
        outcome = json.loads(self.call("coordinator", "run", plan, "--json"))
        return self.measured(outcome["run"])

    def measured(self, run):
        """From the coordinator's log. Closing a round and opening the next are one step, so a round is as long as from its
        opening to the next one's; the first of a run is left out, whose lanes are 24 bits wide.
        """
        uri = f"file:{self.home}/coordinator/events.sqlite?mode=ro"
        opened, updates = [], {}
        database = sqlite3.connect(uri, uri=True)
        events = database.execute(
            "SELECT kind, round, time_milliseconds, payload FROM events WHERE run = ?"
            " AND kind IN ('round-opened', 'round-closed') ORDER BY sequence", (run,)).fetchall()
        database.close()
        for kind, number, at, payload in events:
            if kind == "round-opened":
                opened.append((number, at / 1000))
            else:
                close = json.loads(payload)["roundClosed"]["_0"]
                if close["kind"] == 0 and close.get("reason") is None:
                    updates[number] = close["bytesUp"] / self.count
        times = {number: later - at for (number, at), (_, later) in zip(opened, opened[1:])}
        steady = sorted(updates)[1:]
        return Run([times[number] for number in steady], updates[steady[-1]], self.peak("coordinator"))

    def peak(self, name):
        """The most memory that a process ever held, in MiB; None where /proc does not tell."""
        try:
            with open(f"/proc/{self.processes[name].pid}/status") as status:
                return next(int(line.split()[1]) / 1024 for line in status if line.startswith("VmHWM"))
        except (OSError, StopIteration):
            return None

    def all_present(self):
        return self.call("coordinator", "participants", "--json").count('"present" : true') == self.count

    def call(self, home, *words, homeless=False):
        command = [self.program, *map(str, words)]
        if not homeless:
            command += ["--home", str(self.home / home)]
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode:
            raise SystemExit(f"bench: error: {' '.join(command)} failed: {done.stderr.strip()}")
        return done.stdout

    def answers(self, home, *words):
        command = [self.program, *words, "--home", str(self.home / home)]
        return subprocess.run(command, capture_output=True).returncode == 0

    def spawn(self, name, *words):
        with open(self.home / f"{name}.log", "w") as log:
            self.processes[name] = subprocess.Popen(
                [self.program, *words, "--home", str(self.home / name)], stdout=log, stderr=log)

    def until(self, condition, what, seconds=60):
        deadline = time.monotonic() + seconds
        while not condition():
            if time.monotonic() > deadline:
                raise SystemExit(f"bench: error: {what} did not start; logs are in {self.home}")
            time.sleep(0.1)


def table(name):
    """Rows with a label that depends on the first column, so that there is something to learn."""
    source = random.Random(name)
    lines = ["a,b,c,d,y"]
    for _ in range(ROWS):
        values = [source.gauss(0, 1) for _ in range(4)]
        lines.append(",".join(f"{value:.4f}" for value in values) + f",{int(values[0] > 0)}")
    return "\n".join(lines) + "\n"
