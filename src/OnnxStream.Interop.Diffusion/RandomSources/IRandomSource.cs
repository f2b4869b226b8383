namespace OnnxStream.Interop.Diffusion.RandomSources;

/// <summary>A sequence of standard normal numbers: the noise of one picture.</summary>
public interface IRandomSource
{
    /// <summary>Takes the next numbers of the sequence.</summary>
    /// <param name="destination">Receives them.</param>
    void NextNormal(Span<float> destination);
}
