"""Random weights at which a net's answers are informative: signals keep their size, classes differ. Needs torch."""

import torch
from torch import Tensor, nn

NORMS = (nn.LayerNorm, nn.GroupNorm, nn.RMSNorm, nn.BatchNorm2d)


def _randomize(net: nn.Module, rng: torch.Generator) -> None:
    """Give every weight a random value at a scale at which signals keep their size from layer to layer."""

    def normal(parameter: Tensor, std: float, mean: float = 0.0) -> None:
        parameter.copy_(mean + std * torch.randn(parameter.shape, generator=rng, device=rng.device))

    for module in net.modules():
        for name, parameter in module.named_parameters(recurse=False):
            if isinstance(module, NORMS):
                normal(parameter, *((0.2, 1.0) if name == "weight" else (0.1, 0.0)))
            elif name.startswith("bias") or parameter.ndim < 2:
                normal(parameter, 0.1)
            elif isinstance(module, nn.Embedding):
                normal(parameter, 0.7)
            elif isinstance(module, nn.Conv2d | nn.ConvTranspose2d):
                normal(parameter, (2 / parameter[0].numel()) ** 0.5)
            elif isinstance(module, nn.Linear) or module.__class__.__name__ == "Conv1D":
                fan_in = parameter.shape[1 if isinstance(module, nn.Linear) else 0]
                normal(parameter, 1.2 / fan_in**0.5)
            else:
                normal(parameter, 1.5 / parameter.shape[-1] ** 0.5)


def _measure_batch_norms(net: nn.Module, inputs: tuple[Tensor, ...], exact: bool) -> None:
    """Set the running statistics of batch norms to what they see on the inputs, so that they normalise."""
    norms = [module for module in net.modules() if isinstance(module, nn.BatchNorm2d)]
    for norm in norms:
        norm.reset_running_stats()
        norm.momentum = None
        norm.train()
    if norms and exact:
        net.double()(*(x.double() if x.is_floating_point() else x for x in inputs))
        net.float()
    elif norms:
        net(*inputs)
    for norm in norms:  # a channel that is nearly constant on these inputs must not blow up on others
        norm.running_var += 0.2 * norm.running_var.mean()
    net.eval()


def _spread_logits(net: nn.Module, inputs: tuple[Tensor, ...]) -> None:
    """Center a classifier's logits and spread them to unit scale, so that they tell pictures apart."""
    logits = net(*inputs)
    last = [module for module in net.modules() if isinstance(module, nn.Linear)][-1]
    mean, scale = logits.mean(0), 1 / logits.std(0).mean()
    last.weight *= scale
    last.bias.sub_(mean).mul_(scale)


def condition(
    net: nn.Module, sample: tuple[Tensor, ...], classifies: bool, seed: int = 0, exact: bool = False
) -> nn.Module:
    """Return the net in evaluation mode, its weights random and its norms and logits fitted to sample inputs.

    ``exact`` finds the norms' statistics in float64: the same in a process that allows TF32 and in one that does not,
    where otherwise ResNet-50's answers would be apart by 1 %.
    """
    net.eval()
    with torch.no_grad():
        _randomize(net, torch.Generator(next(net.parameters()).device).manual_seed(seed))
        _measure_batch_norms(net, sample, exact)
        if classifies:
            _spread_logits(net, sample)
    return net
