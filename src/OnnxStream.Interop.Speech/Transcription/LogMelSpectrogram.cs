using System.Numerics.Tensors;

namespace OnnxStream.Interop.Speech;

/// <summary>What Whisper hears of a sound: the logarithms of energies in bands of the mel scale, every 10 ms. https://arxiv.org/abs/2212.04356, section 2.2</summary>
/// <remarks>
/// Windows of 25 ms (400 samples at 16 kHz) weighted by Hann's, every 160 samples; Slaney's bands from 0 to 8 kHz; logarithms to base 10, not less than 8 below
/// the largest of the whole sound, plus 4, divided by 4. The sound is mirrored at its beginning; behind its end are zeros. Frames are computed when they are asked
/// for, so that a long sound takes no more memory than a short one; the largest is looked for first.
/// </remarks>
internal sealed class LogMelSpectrogram
{
    /// <summary>Samples a second.</summary>
    public const int SampleRate = 16_000;

    /// <summary>Samples from frame to frame.</summary>
    public const int Hop = 160;

    /// <summary>Frames that a network hears at once: 30 seconds.</summary>
    public const int WindowFrames = 3000;

    private const int Length = 400;
    private const int Frequencies = (Length / 2) + 1;
    private const float Smallest = 1e-10f;
    private const float Range = 8;

    private static readonly float[] s_window = [.. Enumerable.Range(0, Length).Select(i => (float)(0.5 - (0.5 * Math.Cos(2 * Math.PI * i / Length))))];
    private static readonly float[][] s_cosines = [.. Enumerable.Range(0, Frequencies).Select(k => Waves(k, Math.Cos))];
    private static readonly float[][] s_sines = [.. Enumerable.Range(0, Frequencies).Select(k => Waves(k, Math.Sin))];

    private readonly float[] _samples;
    private readonly MelBand[] _bands;
    private readonly float _floor;

    /// <summary>Looks for the largest energy.</summary>
    /// <param name="sound">The sound, of 16 kHz.</param>
    /// <param name="bandCount">The number of bands: 80 or 128.</param>
    /// <param name="cancellationToken">Stops it between frames.</param>
    public LogMelSpectrogram(Sound sound, int bandCount, CancellationToken cancellationToken = default)
    {
        if (sound.SampleRate != SampleRate)
        {
            throw new ArgumentException($"The sound has {sound.SampleRate:N0} samples a second; expected {SampleRate:N0}.", nameof(sound));
        }

        _samples = sound.Samples.ToArray();
        _bands = MelBand.Create(bandCount, SampleRate, Length);
        FrameCount = _samples.Length / Hop;

        // Behind the sound are 30 seconds of silence, of which some frames hear the end.
        float largest = MathF.Log10(Smallest);
        float[] energies = new float[bandCount];
        Frame frame = new();
        for (int i = 0; i <= FrameCount + (Length / Hop); i++)
        {
            cancellationToken.ThrowIfCancellationRequested();
            Compute(i, frame, energies);
            largest = MathF.Max(largest, TensorPrimitives.Max(energies));
        }

        _floor = largest - Range;
    }

    /// <summary>How many frames the sound has.</summary>
    public int FrameCount { get; }

    /// <summary>What a network hears from a frame on: a row of <see cref="WindowFrames"/> for each band, zeros behind the last frame.</summary>
    /// <param name="first">The first frame.</param>
    /// <param name="count">How many frames are heard.</param>
    public float[] Read(int first, int count = WindowFrames)
    {
        float[] result = new float[_bands.Length * WindowFrames];
        float[] energies = new float[_bands.Length];
        Frame frame = new();
        for (int i = 0; i < Math.Min(count, FrameCount - first); i++)
        {
            Compute(first + i, frame, energies);
            for (int band = 0; band < energies.Length; band++)
            {
                result[(band * WindowFrames) + i] = (MathF.Max(energies[band], _floor) + 4) / 4;
            }
        }

        return result;
    }

    private static float[] Waves(int frequency, Func<double, double> wave) => [.. Enumerable.Range(0, Length).Select(i => (float)wave(2 * Math.PI * (frequency * i % Length) / Length))];

    // Logarithms of the energies of a frame, whose middle is at a multiple of the hop.
    private void Compute(int index, Frame frame, Span<float> energies)
    {
        int start = (index * Hop) - (Length / 2);
        for (int i = 0; i < Length; i++)
        {
            int place = Math.Abs(start + i);
            frame.Samples[i] = place < _samples.Length ? _samples[place] : 0;
        }

        TensorPrimitives.Multiply(frame.Samples, s_window, frame.Samples);
        for (int k = 0; k < Frequencies; k++)
        {
            float real = TensorPrimitives.Dot(frame.Samples, s_cosines[k]);
            float imaginary = TensorPrimitives.Dot(frame.Samples, s_sines[k]);
            frame.Powers[k] = (real * real) + (imaginary * imaginary);
        }

        for (int band = 0; band < energies.Length; band++)
        {
            MelBand filter = _bands[band];
            energies[band] = MathF.Log10(MathF.Max(TensorPrimitives.Dot<float>(filter.Weights, frame.Powers.AsSpan(filter.First, filter.Weights.Length)), Smallest));
        }
    }

    private sealed class Frame
    {
        public float[] Samples { get; } = new float[Length];

        public float[] Powers { get; } = new float[Frequencies];
    }
}
