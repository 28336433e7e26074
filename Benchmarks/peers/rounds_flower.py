"""Whole rounds of Flower's SecAgg+ with its own processes: a SuperLink and SuperNodes on this machine, without TLS.

    rounds_flower.py CLIENTS PARAMETERS ROUNDS

Prints the seconds of each round as a JSON list. Telemetry is off; every process that this starts ends with it.
"""

import json
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).parent
PATIENCE = 900


def free_ports(count):
    """Ports that nobody listens on, at least for now."""
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return ports


class Deployment:
    def __init__(self, clients):
        self.home = pathlib.Path(tempfile.mkdtemp(prefix="tributary-flower."))
        self.programs = pathlib.Path(sys.executable).parent
        self.environment = os.environ | {
            "FLWR_TELEMETRY_ENABLED": "0", "FLWR_HOME": str(self.home / "flwr"), "OMP_NUM_THREADS": "1",
            "OPENBLAS_NUM_THREADS": "1", "PATH": f"{self.programs}:{os.environ['PATH']}",
            "FLWR_DISABLE_RUNTIME_DEPENDENCY_INSTALLATION": "1",
        }
        self.processes = []
        self.control, *self.ports = free_ports(clients + 1)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for process in self.processes:
            try:
                os.killpg(process.pid, signal.SIGKILL)  # each is the leader of a group of its own
            except ProcessLookupError:
                pass
            process.wait()
        for pid in self.strays():
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        shutil.rmtree(self.home, ignore_errors=True)

    def strays(self):
        """Processes that Flower started in sessions of their own: they have this deployment's home in their environment."""
        mark = f"FLWR_HOME={self.home / 'flwr'}".encode()
        for entry in pathlib.Path("/proc").glob("[0-9]*"):
            try:
                if mark in (entry / "environ").read_bytes().split(b"\0"):
                    yield int(entry.name)
            except OSError:  # gone, or somebody else's
                pass

    def spawn(self, program, *words):
        with open(self.home / "log", "a") as log:
            self.processes.append(subprocess.Popen(
                [self.programs / program, *map(str, words)], env=self.environment, stdout=log, stderr=log,
                cwd=self.home, start_new_session=True))

    def start(self):
        (self.home / "flwr").mkdir()
        address = f"127.0.0.1:{self.control}"
        (self.home / "flwr/config.toml").write_text(
            f'[superlink]\ndefault = "here"\n[superlink.here]\naddress = "{address}"\ninsecure = true\n')
        self.spawn(
            "flower-superlink", "--insecure", "--host", "127.0.0.1", "--port", self.control,
            "--disable-runtime-dependency-installation")
        wait_for(lambda: listens(self.control), 120, "the SuperLink")
        for port in self.ports:
            self.spawn(
                "flower-supernode", "--insecure", "--superlink", address, "--host", "127.0.0.1", "--port", port)

    def run(self, clients, parameters, rounds):
        app, output = self.home / "app", self.home / "rounds"
        shutil.copytree(HERE / "flower_app", app, ignore=shutil.ignore_patterns("__pycache__"))
        done = subprocess.run(
            [self.programs / "flwr", "run", app, "here", "--run-config",
             f'clients={clients} parameters={parameters} rounds={rounds} output="{output}"'],
            env=self.environment, capture_output=True, text=True, cwd=self.home)
        if done.returncode:
            raise SystemExit(f"flwr run failed: {done.stdout[-500:]}{done.stderr[-500:]}")
        wait_for(lambda: len(lines(output)) == rounds, PATIENCE, "the run's end")
        return [float(line) for line in lines(output)]


def lines(path):
    return path.read_text().split() if path.exists() else []


def listens(port):
    try:
        socket.create_connection(("127.0.0.1", port), 0.2).close()
        return True
    except OSError:
        return False


def wait_for(condition, seconds, what):
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise SystemExit(f"waited {seconds} s for {what}")
        time.sleep(0.1)


def main():
    clients, parameters, rounds = map(int, sys.argv[1:])
    with Deployment(clients) as deployment:
        deployment.start()
        print(json.dumps(deployment.run(clients, parameters, rounds)))


if __name__ == "__main__":
    main()
