using NAudio.Wave;

namespace OnnxStream.Interop.Speech;

/// <summary>Sound of one channel: samples from -1 to 1.</summary>
public sealed class Sound
{
    /// <summary>The smallest and the largest rate that a sound may have, in samples a second.</summary>
    public const int LeastRate = 1_000, MostRate = 768_000;

    // A day at 16 kHz, which is more than an array holds bytes.
    private const long MostSamples = 500_000_000;

    private readonly float[] _samples;

    /// <summary>Makes a sound.</summary>
    /// <param name="samples">The samples, -1 to 1.</param>
    /// <param name="sampleRate">How many samples are a second, <see cref="LeastRate"/> to <see cref="MostRate"/>.</param>
    public Sound(float[] samples, int sampleRate)
    {
        ArgumentNullException.ThrowIfNull(samples);
        ArgumentOutOfRangeException.ThrowIfLessThan(sampleRate, LeastRate);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(sampleRate, MostRate);
        _samples = samples;
        SampleRate = sampleRate;
    }

    /// <summary>The samples.</summary>
    public ReadOnlySpan<float> Samples => _samples;

    /// <summary>How many samples are a second.</summary>
    public int SampleRate { get; }

    /// <summary>How long the sound is.</summary>
    public TimeSpan Duration => TimeSpan.FromSeconds((double)_samples.Length / SampleRate);

    /// <summary>Reads a WAV file: PCM of 8, 16, 24 or 32 bits, or floating-point numbers, of any rate. Channels become their mean.</summary>
    /// <param name="path">The file.</param>
    /// <exception cref="FileNotFoundException">There is no such file.</exception>
    /// <exception cref="ModelFormatException">It is no WAV file, damaged, or of another encoding.</exception>
    public static Sound Load(string path)
    {
        ArgumentNullException.ThrowIfNull(path);
        if (!File.Exists(path))
        {
            throw new FileNotFoundException($"{path}: no such file.", path);
        }

        using FileStream stream = File.OpenRead(path);
        return Load(stream, path);
    }

    /// <summary>Reads a WAV file from a stream that can be sought in.</summary>
    /// <param name="stream">The bytes of the file.</param>
    /// <param name="name">What it is called in errors.</param>
    /// <exception cref="ModelFormatException">It is no WAV file, damaged, or of another encoding.</exception>
    public static Sound Load(Stream stream, string name)
    {
        ArgumentNullException.ThrowIfNull(stream);
        return Read(stream, name, (provider, format, count) => new Sound(ReadAll(provider, format.Channels, (int)count), format.SampleRate));
    }

    /// <summary>How long the sound of a WAV file is, of which no samples are read.</summary>
    /// <param name="stream">The bytes of the file.</param>
    /// <param name="name">What it is called in errors.</param>
    /// <returns>The samples of a channel, at most, and how many are a second.</returns>
    /// <exception cref="ModelFormatException">It is no WAV file, damaged, or of another encoding.</exception>
    public static (long SampleCount, int SampleRate) ReadLength(Stream stream, string name)
    {
        ArgumentNullException.ThrowIfNull(stream);
        return Read(stream, name, (_, format, count) => (count, format.SampleRate));
    }

    private static T Read<T>(Stream stream, string name, Func<ISampleProvider, WaveFormat, long, T> read)
    {
        try
        {
            using WaveFileReader reader = new(stream);
            WaveFormat format = reader.WaveFormat;
            if (format.SampleRate is < LeastRate or > MostRate || format.Channels < 1)
            {
                throw new ModelFormatException(name, $"the sound has {format.Channels} channels and {format.SampleRate:N0} samples a second; expected at least one channel, and {LeastRate:N0} to {MostRate:N0} samples a second.");
            }

            if (reader.SampleCount > MostSamples)
            {
                throw new ModelFormatException(name, $"the sound has {reader.SampleCount:N0} samples; at most {MostSamples:N0} are read. Cut it into parts.");
            }

            // What a header promises and the file does not have takes no memory.
            long most = Math.Min(reader.SampleCount, stream.Length);
            return read(reader.ToSampleProvider(), format, Math.Max(0, most));
        }
        catch (Exception exception) when (exception is FormatException or ArgumentException or InvalidOperationException or NotSupportedException or EndOfStreamException or InvalidDataException)
        {
            throw new ModelFormatException(name, $"this is no sound that can be read: expected a WAV file of PCM or floating-point numbers ({exception.Message.TrimEnd('.')}). Convert other formats, as with 'ffmpeg -i FILE out.wav'.", exception);
        }
    }

    /// <summary>The sound at another rate, without what that rate cannot hold.</summary>
    /// <param name="sampleRate">How many samples are a second, <see cref="LeastRate"/> to <see cref="MostRate"/>.</param>
    public Sound Resample(int sampleRate)
    {
        if (sampleRate == SampleRate)
        {
            return this;
        }

        SoundResampler resampler = new(SampleRate, sampleRate);
        float[] samples = new float[(int)((((long)_samples.Length * sampleRate) + SampleRate - 1) / SampleRate)];
        int count = 0;
        const int Piece = 1 << 16;
        for (int start = 0; start < _samples.Length; start += Piece)
        {
            Append(resampler.Push(_samples.AsSpan(start, Math.Min(Piece, _samples.Length - start))));
        }

        Append(resampler.End());
        return new Sound(samples, sampleRate);

        void Append(ReadOnlySpan<float> more)
        {
            more = more[..Math.Min(more.Length, samples.Length - count)];
            more.CopyTo(samples.AsSpan(count));
            count += more.Length;
        }
    }

    private static float[] ReadAll(ISampleProvider provider, int channels, int most)
    {
        float[] samples = new float[most];
        float[] frames = new float[channels * 4096];
        int length = 0, kept = 0;
        while (length < most)
        {
            int count = provider.Read(frames.AsSpan(kept));
            if (count <= 0)
            {
                break;
            }

            count += kept;
            int whole = count / channels;
            for (int i = 0; i < whole && length < most; i++)
            {
                float sum = 0;
                for (int channel = 0; channel < channels; channel++)
                {
                    sum += frames[(i * channels) + channel];
                }

                samples[length++] = sum / channels;
            }

            kept = count - (whole * channels);
            frames.AsSpan(whole * channels, kept).CopyTo(frames);
        }

        return length == most ? samples : samples[..length];
    }
}
