"""The referee's training step, evaluation and data in PyTorch, timed on request: a line of JSON in, a line of JSON out.

One model at a time as torch_reference.py trains them, or all models stacked in one process: by functorch (torch.func in
PyTorch 2), or in products of batches of matrices written by hand.
"""
import argparse
import contextlib
import os
import sys
import time

import torch
from torch import nn

from serve import serve

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "../../test/fixtures/torch"))
import torch_reference as reference  # noqa: E402

BATCH = 128
WIDTH = 512


def step(request):
    """Milliseconds a step, one model, as the referee trains it."""
    args = argparse.Namespace(
        strategy=request["strategy"], n_features=request["features"], max_steps=request["steps"], seed=42,
        secret=0, order=0, secret_size=8, secrets=10, orders=10, test_set_size=16_384, log_interval=250,
        min_steps_before_stop=1_000, early_stop_windows=4)
    return dict(ms=reference.command_time(args)["ms_per_step"])


def stacked_data(strategy, features, models):
    """Data of ten secrets, [10, rows, features], and which of them each model has."""
    _, dataset, _ = reference.STRATEGIES[strategy]
    task = dict(n_features=features, secret_size=8, secrets=10, max_train_examples=12_800_000)
    sets = [dataset(secret, task, s) for s, secret in enumerate(reference.sample_secrets(task, 42))]
    return torch.stack([x for x, _ in sets]), torch.stack([y for _, y in sets]), torch.arange(models) % 10


def batches_of(x, y, secret, models):
    """The rows of the next batch of every model. Indices are drawn at once, without their own time."""
    index = torch.randint(0, x.shape[1], (64, models, BATCH))
    k = 0
    while True:
        rows = index[k % 64]
        yield x[secret[:, None], rows], y[secret[:, None], rows]
        k += 1


def by_hand(features, models):
    """Parameters with a leading axis of models, and a function that sets their gradients."""
    bound = features ** -0.5
    parameters = [torch.empty(shape).uniform_(-bound, bound).requires_grad_() for shape in (
        (models, features, WIDTH), (models, 1, WIDTH), (models, WIDTH, 1), (models, 1, 1))]
    w1, b1, w2, b2 = parameters
    criterion = nn.BCELoss(reduction="none")

    def gradients(x, y):
        hidden = torch.relu(torch.baddbmm(b1, x, w1))
        predicted = torch.sigmoid(torch.baddbmm(b2, hidden, w2)).squeeze(2)
        criterion(predicted, y).mean(dim=1).sum().backward()
    return parameters, gradients


def by_functorch(features, models):
    try:
        from torch.func import functional_call, grad, stack_module_state, vmap
    except ImportError:
        from functorch import combine_state_for_ensemble, grad, vmap
        stack_module_state = None
    networks = [nn.Sequential(nn.Linear(features, WIDTH), nn.ReLU(), nn.Linear(WIDTH, 1), nn.Sigmoid())
                for _ in range(models)]
    criterion = nn.BCELoss()
    if stack_module_state:
        stacked, _ = stack_module_state(networks)
        names, parameters = list(stacked), list(stacked.values())

        def loss(values, x, y):
            return criterion(functional_call(networks[0], dict(zip(names, values)), (x,)).view(-1), y)
    else:
        function, parameters, buffers = combine_state_for_ensemble(networks)
        parameters = list(parameters)

        def loss(values, x, y):
            return criterion(function(values, (), x).view(-1), y)
    parameters = [p.detach().requires_grad_() for p in parameters]
    compute = vmap(grad(loss))

    def gradients(x, y):
        for parameter, gradient in zip(parameters, compute(tuple(p.detach() for p in parameters), x, y)):
            parameter.grad = gradient
    return parameters, gradients


def stacked(request):
    """Milliseconds a step of one model, all models at once."""
    features, models, steps = request["features"], request["models"], request["steps"]
    x, y, secret = stacked_data(request["strategy"], features, models)
    parameters, gradients = dict(bmm=by_hand, functorch=by_functorch)[request["how"]](features, models)
    optimizer = torch.optim.AdamW(parameters, lr=1e-3, weight_decay=1e-2)
    source, begin = batches_of(x, y, secret, models), None
    warm = max(2, steps // 5)
    for k in range(warm + steps):
        if k == warm:
            begin = time.perf_counter()
        batch = next(source)
        optimizer.zero_grad(set_to_none=True)
        gradients(*batch)
        optimizer.step()
    return dict(ms=1e3 * (time.perf_counter() - begin) / steps / models, threads=torch.get_num_threads())


def evaluate(request):
    """Seconds for the referee's evaluation of a part of the runs, data and scoring included."""
    args = argparse.Namespace(
        n_features=request["features"], secret_size=8, max_steps=100_000, secrets=request["secrets"],
        orders=request["orders"], test_set_size=16_384, log_interval=250, min_steps_before_stop=1_000,
        early_stop_windows=4)
    begin = time.perf_counter()
    with open(os.devnull, "w") as nowhere, contextlib.redirect_stderr(nowhere):
        result = reference.evaluate(request["strategy"], reference.make_task(args), request["seed"])
    return dict(seconds=time.perf_counter() - begin, steps=result["metrics"]["mean_steps"],
                accuracy=result["metrics"]["test_accuracy"])


def data(request):
    """Seconds for uniform rows with their labels, in parts that fit in memory, and for a permutation of them."""
    rows, features, parts = request["rows"], request["features"], request["parts"]
    generator = torch.Generator().manual_seed(42)
    begin = time.perf_counter()
    for _ in range(parts):
        x = torch.randint(0, 2, (rows // parts, features), generator=generator).float()
        reference.labels(x, range(8))
    rows_seconds = time.perf_counter() - begin
    generator = torch.Generator().manual_seed(42)
    begin = time.perf_counter()
    torch.randperm(rows, generator=generator)
    return dict(rows=rows_seconds, shuffle=time.perf_counter() - begin)


def numpy_data(request):
    """The same by NumPy's MT19937: bytes of 0 and 1, the smallest that it draws, and float labels."""
    import numpy as np
    rows, features, parts = request["rows"], request["features"], request["parts"]
    random = np.random.RandomState(42)
    begin = time.perf_counter()
    for _ in range(parts):
        x = random.randint(0, 2, (rows // parts, features), dtype=np.uint8)
        x[:, :8].sum(axis=1) % 2
    rows_seconds = time.perf_counter() - begin
    begin = time.perf_counter()
    random.permutation(rows)
    return dict(rows=rows_seconds, shuffle=time.perf_counter() - begin)


COMMANDS = dict(step=step, stacked=stacked, evaluate=evaluate, data=data, numpy_data=numpy_data)

serve(COMMANDS)
