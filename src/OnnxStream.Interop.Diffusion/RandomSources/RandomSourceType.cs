namespace OnnxStream.Interop.Diffusion.RandomSources;

/// <summary>Where the noise of a seed comes from.</summary>
public enum RandomSourceType
{
    /// <summary><see cref="PhiloxRandomSource"/>: the same to the last bit on every machine.</summary>
    Philox,

    /// <summary><see cref="TorchRandomSource"/>: as PyTorch on a processor has it.</summary>
    Torch,
}
