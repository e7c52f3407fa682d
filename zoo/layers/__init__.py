"""Regulariser, corruption and code layers, each usable in any Keras model."""

from zoo.layers.auxiliary_reconstruction import AuxiliaryReconstruction
from zoo.layers.batch_top_k import BatchTopK
from zoo.layers.bernoulli_kl import BernoulliKL
from zoo.layers.binarize import Binarize
from zoo.layers.bit_balance import BitBalance
from zoo.layers.bit_decorrelation import BitDecorrelation
from zoo.layers.commitment_penalty import CommitmentPenalty
from zoo.layers.corruption import Corruption
from zoo.layers.dead_reconstruction import DeadReconstruction
from zoo.layers.dead_units import DeadUnits
from zoo.layers.drop_patches import DropPatches
from zoo.layers.emphasis import Emphasis
from zoo.layers.encoder_penalty import EncoderPenalty
from zoo.layers.finite_scalar_quantizer import FiniteScalarQuantizer
from zoo.layers.frozen import Frozen
from zoo.layers.gated_dense import GatedDense
from zoo.layers.gaussian_corruption import GaussianCorruption
from zoo.layers.gaussian_kl import GaussianKL
from zoo.layers.gaussian_sampling import GaussianSampling
from zoo.layers.hessian_penalty import HessianPenalty
from zoo.layers.hide_observed import HideObserved
from zoo.layers.jacobian_penalty import JacobianPenalty
from zoo.layers.jump_relu import JumpReLU
from zoo.layers.kl_sparsity import KLSparsity
from zoo.layers.l1_penalty import L1Penalty
from zoo.layers.lifetime_sparsity import LifetimeSparsity
from zoo.layers.mask_missing import MaskMissing
from zoo.layers.mask_padding import MaskPadding
from zoo.layers.masking_corruption import MaskingCorruption
from zoo.layers.mean_only_batch_normalization import MeanOnlyBatchNormalization
from zoo.layers.missing_indicator import MissingIndicator
from zoo.layers.oriented_gradients import OrientedGradients
from zoo.layers.pack_bits import PackBits
from zoo.layers.penalty import Penalty
from zoo.layers.perplexity import Perplexity
from zoo.layers.plain_gru import PlainGRU
from zoo.layers.position_embedding import PositionEmbedding
from zoo.layers.prior_discrepancy import PriorDiscrepancy
from zoo.layers.salt_and_pepper_corruption import SaltAndPepperCorruption
from zoo.layers.saturating_noise import SaturatingNoise
from zoo.layers.spatial_sparsity import SpatialSparsity
from zoo.layers.stochastic_binary import StochasticBinary
from zoo.layers.table_encoding import TableEncoding
from zoo.layers.table_output import TableOutput
from zoo.layers.tied_dense import TiedDense
from zoo.layers.top_k import TopK
from zoo.layers.unit_norm_decoder import unit_norm_decoder
from zoo.layers.vector_quantizer import VectorQuantizer

__all__ = [
    "AuxiliaryReconstruction",
    "BatchTopK",
    "BernoulliKL",
    "Binarize",
    "BitBalance",
    "BitDecorrelation",
    "CommitmentPenalty",
    "Corruption",
    "DeadReconstruction",
    "DeadUnits",
    "DropPatches",
    "Emphasis",
    "EncoderPenalty",
    "FiniteScalarQuantizer",
    "Frozen",
    "GatedDense",
    "GaussianCorruption",
    "GaussianKL",
    "GaussianSampling",
    "HessianPenalty",
    "HideObserved",
    "JacobianPenalty",
    "JumpReLU",
    "KLSparsity",
    "L1Penalty",
    "LifetimeSparsity",
    "MaskMissing",
    "MaskPadding",
    "MaskingCorruption",
    "MeanOnlyBatchNormalization",
    "MissingIndicator",
    "OrientedGradients",
    "PackBits",
    "Penalty",
    "Perplexity",
    "PlainGRU",
    "PositionEmbedding",
    "PriorDiscrepancy",
    "SaltAndPepperCorruption",
    "SaturatingNoise",
    "SpatialSparsity",
    "StochasticBinary",
    "TableEncoding",
    "TableOutput",
    "TiedDense",
    "TopK",
    "VectorQuantizer",
    "unit_norm_decoder",
]
