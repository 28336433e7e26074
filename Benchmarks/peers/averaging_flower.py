"""Rounds of Flower's SecAgg+: its server workflow and all its clients in this process, with nothing between them.

    averaging_flower.py PARTICIPANTS LOST PARAMETERS SHARES

SHARES is into how many shares each key is split: as many as there are participants makes everyone share with everyone, as
ours does; fewer is Flower's way to make a large cohort cheaper. The last LOST clients share their keys and are not heard
of again. Answers as `tributary-bench averaging` does: a line on standard input is a number of rounds, and each round is
answered by a line with the seconds of each survivor's client and of the server.

What travels between the workflow and the clients is serialised by Flower's own code, which is counted in bytes and not
timed. Instead of training, a client hands back a vector that it has.
"""

import json
import logging
import sys
import time

import flwr.compat.common.recorddict_compat as compat
import numpy as np
from flwr.app import ConfigRecord, Context, Message, RecordDict
from flwr.client.mod import secaggplus_mod
from flwr.common import Code, FitRes, Status, ndarrays_to_parameters
from flwr.common.secure_aggregation.secaggplus_constants import RECORD_KEY_CONFIGS, Key, Stage
from flwr.common.serde import recorddict_from_proto, recorddict_to_proto
from flwr.server import LegacyContext, SimpleClientManager
from flwr.server.compat.grid_client_proxy import GridClientProxy
from flwr.server.strategy import FedAvg
from flwr.server.workflow import SecAggPlusWorkflow
from flwr.server.workflow.constant import MAIN_CONFIGS_RECORD, MAIN_PARAMS_RECORD
from flwr.server.workflow.constant import Key as WorkflowKey
from flwr.serverapp import Grid
from flwr.supercore.task_identity import TaskIdentity

MAXIMUM_WEIGHT = 1000  # Flower's own: any other weight costs precision
CLOCKS = {"wall": time.perf_counter, "cpu": time.process_time}


class Stopwatch:
    """Seconds of what ran inside `with`, by each clock."""

    def __init__(self):
        self.seconds = dict.fromkeys(CLOCKS, 0.0)

    def __enter__(self):
        self.began = {name: clock() for name, clock in CLOCKS.items()}
        return self

    def __exit__(self, *_):
        for name, clock in CLOCKS.items():
            self.seconds[name] += clock() - self.began[name]


def context(node):
    return Context(run_id=1, node_id=node, node_config={}, state=RecordDict(), run_config={})


class Clients(Grid):
    """All clients, where the workflow expects a network."""

    def __init__(self, count, lost, vector):
        self.contexts = {node: context(node) for node in range(1, count + 1)}
        self.lost = set(range(count - lost + 1, count + 1))
        self.parameters = ndarrays_to_parameters([vector])
        self.client = {node: Stopwatch() for node in self.contexts}
        self.inside, self.training = Stopwatch(), Stopwatch()
        self.up, self.down = 0, 0

    def train(self, message, _):
        with self.training:
            result = FitRes(Status(Code.OK, ""), self.parameters, MAXIMUM_WEIGHT, {})
            return Message(compat.fitres_to_recorddict(result, True), reply_to=message)

    def send_and_receive(self, messages, *, timeout=None):
        with self.inside:
            return [reply for message in messages if (reply := self.deliver(message))]

    def deliver(self, message):
        node = message.metadata.dst_node_id
        stage = message.content.config_records[RECORD_KEY_CONFIGS][Key.STAGE]
        if node in self.lost and stage in (Stage.COLLECT_MASKED_VECTORS, Stage.UNMASK):
            return None
        content, size = copy(message.content)
        asked = Message(
            content, dst_node_id=node, message_type=message.metadata.message_type, group_id=message.metadata.group_id)
        trained = dict(self.training.seconds)
        with self.client[node]:
            reply = secaggplus_mod(asked, self.contexts[node], self.train)
        for clock in CLOCKS:
            self.client[node].seconds[clock] -= self.training.seconds[clock] - trained[clock]
        content, answered = copy(reply.content)
        if node == 1:
            self.down += size
            self.up += answered
        return Message(content, reply_to=asked)

    def get_node_ids(self):
        return list(self.contexts)

    # The workflow asks for none of these.
    def set_run(self, run): raise NotImplementedError
    run = property(lambda self: None)
    def create_message(self, *_, **__): raise NotImplementedError
    def push_messages(self, _): raise NotImplementedError
    def pull_messages(self, _): raise NotImplementedError


def copy(record):
    """What arrives at the other side, and how many bytes that took."""
    proto = recorddict_to_proto(record)
    return recorddict_from_proto(proto), proto.ByteSize()


def round_of(count, lost, size, shares):
    vector = (np.random.default_rng(1).standard_normal(size) * 0.01).astype(np.float32)
    clients, manager = Clients(count, lost, vector), SimpleClientManager()
    for node in clients.contexts:
        manager.register(GridClientProxy(node, clients, 1))
    strategy = FedAvg(min_fit_clients=count, min_available_clients=count, accept_failures=True)
    server = LegacyContext(context(0), strategy=strategy, client_manager=manager)
    server.state.array_records[MAIN_PARAMS_RECORD] = compat.parameters_to_arrayrecord(clients.parameters, True)
    server.state.config_records[MAIN_CONFIGS_RECORD] = ConfigRecord({WorkflowKey.CURRENT_ROUND: 1})
    whole = Stopwatch()
    with whole:
        SecAggPlusWorkflow(num_shares=shares, reconstruction_threshold=shares // 2 + 1)(clients, server)
    mean = compat.arrayrecord_to_parameters(server.state.array_records[MAIN_PARAMS_RECORD], True)
    found = np.frombuffer(mean.tensors[0][-8 * size:], np.float64)
    error = float(((found - vector) ** 2).sum() / (vector.astype(np.float64) ** 2).sum())
    if not error < 1e-3:
        sys.exit(f"the average is wrong: its relative error is {error}")
    answer = {"up": clients.up, "down": clients.down, "error": error}
    for clock in CLOCKS:
        answer[clock] = {
            "client": [watch.seconds[clock] for node, watch in clients.client.items() if node not in clients.lost],
            "server": whole.seconds[clock] - clients.inside.seconds[clock],
        }
    return answer


def main():
    logging.getLogger("flwr").setLevel(logging.ERROR)
    TaskIdentity.run_id, TaskIdentity.node_id, TaskIdentity.task_id = 1, 0, 1
    count, lost, size, shares = map(int, sys.argv[1:])
    print(json.dumps({"ready": True}), flush=True)
    for line in sys.stdin:
        for _ in range(int(line)):
            print(json.dumps(round_of(count, lost, size, shares)), flush=True)


if __name__ == "__main__":
    main()
