using OnnxStream.Interop.Diffusion.RandomSources;

namespace OnnxStream.Interop.Diffusion.Tests.RandomSources;

/// <summary>Gives numbers that were written down.</summary>
internal sealed class RecordedRandomSource(params float[] numbers) : IRandomSource
{
    private int _position;

    public void NextNormal(Span<float> destination)
    {
        numbers.AsSpan(_position, destination.Length).CopyTo(destination);
        _position += destination.Length;
    }
}
