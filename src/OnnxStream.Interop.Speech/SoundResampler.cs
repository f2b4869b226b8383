using NAudio.Dsp;

namespace OnnxStream.Interop.Speech;

/// <summary>Brings a stream of samples to another rate.</summary>
/// <remarks>NAudio's port of Cockos' WDL resampler, by a windowed sinc that is centred on each sample: nothing comes later than it was.</remarks>
internal sealed class SoundResampler
{
    // The samples of the sinc at the higher rate of the two for one at the lower.
    private const int SincSize = 64, SincSteps = 32, MostSincSize = 8192;

    private readonly WdlResampler _resampler = new();
    private readonly int _from;
    private readonly int _to;
    private readonly int _sincSize;
    private long _taken;
    private long _given;

    public SoundResampler(int from, int to)
    {
        (_from, _to) = (from, to);
        _sincSize = Math.Min(MostSincSize, SincSize * Math.Max(1, (from + to - 1) / to));
        _resampler.SetMode(true, 0, true, _sincSize, SincSteps);
        _resampler.SetFeedMode(true);
        _resampler.SetRates(from, to);
    }

    /// <summary>What more samples become.</summary>
    public float[] Push(ReadOnlySpan<float> samples)
    {
        if (_from == _to)
        {
            return samples.ToArray();
        }

        _taken += samples.Length;
        _ = _resampler.ResamplePrepare(samples.Length, 1, out Span<float> buffer);
        samples.CopyTo(buffer);
        float[] output = new float[(int)((((long)samples.Length + _sincSize) * _to / _from) + 2)];
        int count = _resampler.ResampleOut(output, samples.Length, output.Length, 1);
        _given += count;
        return output[..count];
    }

    /// <summary>What the last samples become, which waited for those behind them.</summary>
    public float[] End()
    {
        if (_from == _to)
        {
            return [];
        }

        long missing = (((_taken * _to) + _from - 1) / _from) - _given;
        List<float> rest = [];
        while (rest.Count < missing)
        {
            rest.AddRange(Push(new float[_sincSize]));
        }

        return [.. rest.Take((int)Math.Max(0, missing))];
    }
}
