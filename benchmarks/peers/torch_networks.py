"""Networks of any shape (networks.ts) in PyTorch: one model as one trains it by hand, or all of them stacked in one process.

Stacked by `vmap` over `functional_call` (functorch before PyTorch 2), or as products of batches of matrices. Every way
draws its batches as it trains: rows of a dataset by `randperm`, or fresh ones.
"""
import time

import torch
from torch import nn
from torch.nn import functional as F

from serve import serve

ACTIVATIONS = dict(relu=torch.relu, tanh=torch.tanh, gelu=F.gelu)
MODULES = dict(relu=nn.ReLU, tanh=nn.Tanh, gelu=nn.GELU)


def hinge(z, y):
    return torch.relu(1 - z * y).mean()


LOSSES = dict(mse=F.mse_loss, hinge=hinge, crossEntropy=F.cross_entropy, bceWithLogits=F.binary_cross_entropy_with_logits)


def loss_of(case):
    """A scalar of one model's outputs [batch, outputs] and targets [batch]."""
    function = LOSSES[case["loss"]]
    return function if case["loss"] == "crossEntropy" else lambda z, y: function(z.squeeze(-1), y)


def optimizer_of(case, parameters):
    settings = case["optimizer"]
    common = dict(lr=settings["lr"], weight_decay=settings["weightDecay"])
    # Fused on the CPU since PyTorch 2.4; the fastest that it has.
    if tuple(int(n) for n in torch.__version__.split(".")[:2]) >= (2, 4):
        common["fused"] = True
    if settings["type"] == "adamw":
        return torch.optim.AdamW(parameters, **common)
    return torch.optim.SGD(parameters, momentum=settings["momentum"], **common)


def targets_of(case, shape):
    if case["loss"] == "crossEntropy":
        return torch.randint(0, case["widths"][-1], shape)
    y = torch.randint(0, 2, shape).float()
    return 2 * y - 1 if case["loss"] == "hinge" else y


def batches_of(case, lead):
    """Rows [*lead, batch, inputs] and targets [*lead, batch] of a step, for ever; `lead` is () or (models,)."""
    batch, inputs, data = case["batch"], case["widths"][0], case["data"]
    if data["kind"] == "fresh signs":
        while True:
            x = torch.randint(0, 2, (*lead, batch, inputs)).float() * 2 - 1
            yield x, x[..., :3].prod(dim=-1)
    elif data["kind"] == "fresh tasks":
        tasks, bits = data["tasks"], inputs - data["tasks"]
        shares = torch.arange(1, tasks + 1).float() ** -1.4
        ends = (shares / shares.sum()).cumsum(0)
        secrets = torch.stack([torch.arange(3).add(t) % bits for t in range(tasks)])
        while True:
            task = torch.searchsorted(ends, torch.rand(*lead, batch)).clamp_(max=tasks - 1)
            x = torch.randint(0, 2, (*lead, batch, bits))
            y = x.gather(-1, secrets[task]).sum(dim=-1) % 2
            yield torch.cat([F.one_hot(task, tasks).float(), x.float()], dim=-1), y
    else:
        rows = data["rows"]
        shape = (rows, inputs)
        x = torch.randn(shape) if data["kind"] == "floats" else torch.randint(0, 2, shape).float() * 2 - 1
        y = targets_of(case, (rows,))
        models = lead[0] if lead else 1
        while True:
            order = torch.stack([torch.randperm(rows) for _ in range(models)]).view(*lead, rows)
            for k in range(0, rows - batch + 1, batch):
                index = order[..., k:k + batch]
                yield x[index], y[index]


def layers_of(case):
    """A case's network as nn.Sequential."""
    widths = case["widths"]
    modules = []
    for inputs, units in zip(widths, widths[1:]):
        modules += [nn.Linear(inputs, units), MODULES[case["activation"]]()]
    return nn.Sequential(*modules[:-1])


def one_by_one(case):
    """A step of a model alone."""
    model, loss, source = layers_of(case), loss_of(case), batches_of(case, ())
    optimizer = optimizer_of(case, model.parameters())

    def step():
        x, y = next(source)
        optimizer.zero_grad(set_to_none=True)
        loss(model(x), y).backward()
        optimizer.step()
    return step


def by_products(case, models):
    """A step of all models, written as products of batches of matrices."""
    widths = case["widths"]
    activation = ACTIVATIONS[case["activation"]]
    parameters = []
    for inputs, units in zip(widths, widths[1:]):
        for shape in ((models, inputs, units), (models, 1, units)):
            parameters.append(torch.empty(shape).uniform_(-inputs ** -0.5, inputs ** -0.5).requires_grad_())
    optimizer, source = optimizer_of(case, parameters), batches_of(case, (models,))
    last = len(parameters) - 2

    def sum_of_losses(z, y):
        # A mean over all models and examples, times the models: the sum of each model's mean.
        if case["loss"] == "crossEntropy":
            return models * F.cross_entropy(z.flatten(0, 1), y.flatten())
        return models * LOSSES[case["loss"]](z.squeeze(-1), y)

    def step():
        x, y = next(source)
        for k in range(0, len(parameters), 2):
            x = torch.baddbmm(parameters[k + 1], x, parameters[k])
            if k < last:
                x = activation(x)
        optimizer.zero_grad(set_to_none=True)
        sum_of_losses(x, y).backward()
        optimizer.step()
    return step


def by_vmap(case, models):
    """A step of all models, mapped by PyTorch."""
    networks, criterion, source = [layers_of(case) for _ in range(models)], loss_of(case), batches_of(case, (models,))
    try:
        from torch.func import functional_call, grad, stack_module_state, vmap
        stacked, _ = stack_module_state(networks)
        names, parameters = list(stacked), list(stacked.values())

        def loss(values, x, y):
            return criterion(functional_call(networks[0], dict(zip(names, values)), (x,)), y)
    except ImportError:
        from functorch import combine_state_for_ensemble, grad, vmap
        function, parameters, _ = combine_state_for_ensemble(networks)

        def loss(values, x, y):
            return criterion(function(values, (), x), y)
    parameters = [p.detach().requires_grad_() for p in parameters]
    gradients = vmap(grad(loss))
    optimizer = optimizer_of(case, parameters)

    def step():
        x, y = next(source)
        for parameter, gradient in zip(parameters, gradients(tuple(p.detach() for p in parameters), x, y)):
            parameter.grad = gradient
        optimizer.step()
    return step


STEPS = dict(bmm=by_products, vmap=by_vmap)
prepared = {}


def train(request):
    """Milliseconds a step of one model, over so many seconds of steps."""
    case, how, models = request["case"], request["how"], request["models"]
    key = (case["name"], how, models)
    if key not in prepared:
        prepared.clear()
        prepared[key] = one_by_one(case) if how == "alone" else STEPS[how](case, models)
    step = prepared[key]
    for _ in range(3):
        step()
    begin, count = time.perf_counter(), 0
    while count < 2 or time.perf_counter() - begin < request["seconds"]:
        step()
        count += 1
    return dict(ms=1e3 * (time.perf_counter() - begin) / count / (1 if how == "alone" else models))


serve(dict(train=train, version=lambda _: dict(version=torch.__version__.split("+")[0])))
