"""Networks of any shape (networks.ts) in JAX: a model's step, mapped over the models by `vmap` and compiled by `jit`.

Many steps are one call (`lax.scan`), so that neither Python nor its dispatch is in the time. The batches are drawn as it
trains: rows of a dataset by random numbers, or fresh ones.
"""
import time
from functools import partial

import jax
import jax.numpy as jnp
from jax import lax, nn, random

from serve import serve

# Steps of a call.
STEPS = 4
ACTIVATIONS = dict(relu=nn.relu, tanh=jnp.tanh, gelu=partial(nn.gelu, approximate=False))


def loss_of(case):
    """A scalar of one model's outputs [batch, outputs] and targets [batch]."""
    def cross_entropy(z, y):
        return -jnp.take_along_axis(nn.log_softmax(z), y[:, None], axis=1).mean()

    def bce_with_logits(z, y):
        return (nn.softplus(z) - z * y).mean()

    numbers = dict(mse=lambda z, y: ((z - y) ** 2).mean(), hinge=lambda z, y: nn.relu(1 - z * y).mean(),
                   bceWithLogits=bce_with_logits)
    if case["loss"] == "crossEntropy":
        return cross_entropy
    return lambda z, y: numbers[case["loss"]](z[:, 0], y)


def signs(key, shape):
    return random.bernoulli(key, shape=shape).astype(jnp.float32) * 2 - 1


def batches_of(case):
    """A function of a key that gives rows [batch, inputs] and targets [batch]."""
    batch, inputs, data = case["batch"], case["widths"][0], case["data"]
    if data["kind"] == "fresh signs":
        def fresh_signs(key):
            x = signs(key, (batch, inputs))
            return x, x[:, :3].prod(axis=1)
        return fresh_signs
    if data["kind"] == "fresh tasks":
        tasks, bits = data["tasks"], inputs - data["tasks"]
        shares = jnp.arange(1, tasks + 1) ** -1.4
        ends = jnp.cumsum(shares / shares.sum())
        secrets = (jnp.arange(tasks)[:, None] + jnp.arange(3)) % bits

        def fresh_tasks(key):
            of_task, of_bits = random.split(key)
            task = jnp.minimum(jnp.searchsorted(ends, random.uniform(of_task, (batch,))), tasks - 1)
            x = random.bernoulli(of_bits, shape=(batch, bits)).astype(jnp.int32)
            y = jnp.take_along_axis(x, secrets[task], axis=1).sum(axis=1) % 2
            return jnp.concatenate([nn.one_hot(task, tasks), x.astype(jnp.float32)], axis=1), y
        return fresh_tasks
    shape = (data["rows"], inputs)
    of_rows, of_targets = random.split(random.key(0))
    rows = random.normal(of_rows, shape) if data["kind"] == "floats" else signs(of_rows, shape)
    if case["loss"] == "crossEntropy":
        targets = random.randint(of_targets, (data["rows"],), 0, case["widths"][-1])
    else:
        targets = random.bernoulli(of_targets, shape=(data["rows"],)).astype(jnp.float32)
        targets = 2 * targets - 1 if case["loss"] == "hinge" else targets

    def of_dataset(key):
        index = random.randint(key, (batch,), 0, data["rows"])
        return rows[index], targets[index]
    return of_dataset


def update_of(case):
    """A function of parameters, moments, gradients and the step that gives the next parameters and moments."""
    settings = case["optimizer"]
    rate, decay = settings["lr"], settings["weightDecay"]

    def adamw(p, moments, g, t):
        m, v = 0.9 * moments[0] + 0.1 * g, 0.999 * moments[1] + 0.001 * g * g
        change = (m / (1 - 0.9 ** t)) / (jnp.sqrt(v / (1 - 0.999 ** t)) + 1e-8)
        return p - rate * decay * p - rate * change, (m, v)

    def sgd(p, moments, g, _):
        g = g + decay * p
        if settings["momentum"]:
            moments = (settings["momentum"] * moments[0] + g,)
            g = moments[0]
        return p - rate * g, moments
    if settings["type"] == "adamw":
        return adamw, 2
    return sgd, 1 if settings["momentum"] else 0


def training_of(case, models):
    """All models' state, and a compiled function that trains them for STEPS steps."""
    widths, activation, loss, batch = case["widths"], ACTIVATIONS[case["activation"]], loss_of(case), batches_of(case)
    update, count = update_of(case)

    def forward(parameters, x):
        for w, b in parameters[:-1]:
            x = activation(x @ w + b)
        w, b = parameters[-1]
        return x @ w + b

    def step(state, key, t):
        parameters, moments = state
        x, y = batch(key)
        leaves, tree = jax.tree.flatten(parameters)
        gradients = jax.tree.leaves(jax.grad(lambda p: loss(forward(p, x), y))(parameters))
        pairs = [update(p, m, g, t) for p, m, g in zip(leaves, moments, gradients)]
        return jax.tree.unflatten(tree, [p for p, _ in pairs]), [m for _, m in pairs]

    def initial(key):
        layers = []
        for inputs, units in zip(widths, widths[1:]):
            key, of_w, of_b = random.split(key, 3)
            bound = inputs ** -0.5
            layers.append((random.uniform(of_w, (inputs, units), minval=-bound, maxval=bound),
                           random.uniform(of_b, (units,), minval=-bound, maxval=bound)))
        return layers, [tuple(jnp.zeros_like(p) for _ in range(count)) for p in jax.tree.leaves(layers)]

    @partial(jax.jit, donate_argnums=0)
    def train(state, key, t):
        def one(carry, k):
            state, t = carry
            return (jax.vmap(step, in_axes=(0, 0, None))(state, random.split(k, models), t), t + 1), None
        return lax.scan(one, (state, t), random.split(key, STEPS))[0][0]
    return jax.vmap(initial)(random.split(random.key(1), models)), train


prepared = {}


def train(request):
    """Milliseconds a step of one model, over so many seconds of steps."""
    case, models = request["case"], request["models"]
    key = (case["name"], models)
    if key not in prepared:
        prepared.clear()
        state, function = training_of(case, models)
        prepared[key] = [jax.block_until_ready(function(state, random.key(2), 1.0)), function]
    state, function = prepared[key]
    begin, count = time.perf_counter(), 0
    while count == 0 or time.perf_counter() - begin < request["seconds"]:
        state = jax.block_until_ready(function(state, random.key(count), 5.0))
        count += 1
    prepared[key][0] = state
    return dict(ms=1e3 * (time.perf_counter() - begin) / count / STEPS / models)


serve(dict(train=train, version=lambda _: dict(version=jax.__version__)))
