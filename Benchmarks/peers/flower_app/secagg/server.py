"""Rounds of SecAgg+ in which every key is split for every client; each round's seconds go to a file, a line each."""

import time

import numpy as np
from flwr.app import Context
from flwr.common import ndarrays_to_parameters
from flwr.server import LegacyContext, ServerConfig
from flwr.server.strategy import FedAvg
from flwr.server.workflow import DefaultWorkflow, SecAggPlusWorkflow
from flwr.serverapp import Grid, ServerApp

app = ServerApp()


class Timed(FedAvg):
    def __init__(self, output, **options):
        super().__init__(**options)
        self.output = output

    def configure_fit(self, *arguments, **options):
        self.began = time.perf_counter()
        return super().configure_fit(*arguments, **options)

    def aggregate_fit(self, *arguments, **options):
        found = super().aggregate_fit(*arguments, **options)
        with open(self.output, "a") as file:
            file.write(f"{time.perf_counter() - self.began}\n")
        return found


@app.main()
def main(grid: Grid, context: Context) -> None:
    clients, rounds = int(context.run_config["clients"]), int(context.run_config["rounds"])
    model = np.random.default_rng(1).standard_normal(int(context.run_config["parameters"])).astype(np.float32) * 0.01
    strategy = Timed(
        str(context.run_config["output"]), fraction_evaluate=0.0, min_evaluate_clients=0, min_fit_clients=clients,
        min_available_clients=clients, initial_parameters=ndarrays_to_parameters([model]))
    legacy = LegacyContext(context, config=ServerConfig(num_rounds=rounds), strategy=strategy)
    masked = SecAggPlusWorkflow(num_shares=clients, reconstruction_threshold=clients // 2 + 1)
    DefaultWorkflow(fit_workflow=masked)(grid, legacy)
