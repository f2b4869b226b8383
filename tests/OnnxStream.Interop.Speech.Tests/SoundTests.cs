using System.Buffers.Binary;

namespace OnnxStream.Interop.Speech.Tests;

public class SoundTests
{
    [TestCase(8, false)]
    [TestCase(16, false)]
    [TestCase(24, false)]
    [TestCase(32, false)]
    [TestCase(32, true)]
    public void SamplesOfAnyTypeAreRead(int bits, bool isFloat)
    {
        float[] samples = [0, 0.5f, -0.5f, 0.25f, -1, 0.992f];
        Sound sound = Sound.Load(new MemoryStream(Wave(samples, 22_050, 1, bits, isFloat)), "a.wav");
        Assert.That(sound.SampleRate, Is.EqualTo(22_050));
        Assert.That(sound.Samples.ToArray(), Is.EqualTo(samples).Within(bits == 8 ? 0.01f : 1e-4f));
    }

    [Test]
    public void ChannelsBecomeTheirMean()
    {
        Sound sound = Sound.Load(new MemoryStream(Wave([0.5f, 0.1f, -0.5f, 0.5f, 1, 0], 16_000, 2, 32, true)), "a.wav");
        Assert.That(sound.Samples.ToArray(), Is.EqualTo((float[])[0.3f, 0, 0.5f]).Within(1e-6f));
        Assert.That(sound.Duration, Is.EqualTo(TimeSpan.FromSeconds(3.0 / 16_000)));
    }

    [Test]
    public void AnEmptySoundIsOne() => Assert.That(Sound.Load(new MemoryStream(Wave([], 16_000, 1, 16, false)), "a.wav").Samples.Length, Is.Zero);

    [Test]
    public void WhatIsNoSoundIsRefused()
    {
        using TemporaryFolder folder = new();
        Assert.That(() => Sound.Load(folder["none.wav"]), Throws.TypeOf<FileNotFoundException>());
        byte[] wave = Wave(new float[100], 16_000, 1, 16, false);
        byte[] mp3 = [.. "ID3"u8, 4, 0, 0, 0, 0, 0, 0, .. new byte[100]];
        foreach (byte[] bytes in (byte[][])[[], mp3, wave[..20], [.. "RIFF"u8, 4, 0, 0, 0, .. "WAVE"u8]])
        {
            Assert.That(() => Sound.Load(new MemoryStream(bytes), "some.wav"), Throws.TypeOf<ModelFormatException>().With.Message.Contains("some.wav"), Convert.ToHexString(bytes));
        }

        byte[] strange = [.. wave];
        strange[20] = 0x55; // MP3 in a WAV file
        Assert.That(() => Sound.Load(new MemoryStream(strange), "some.wav"), Throws.TypeOf<ModelFormatException>());
        byte[] slow = [.. wave];
        BinaryPrimitives.WriteInt32LittleEndian(slow.AsSpan(24), 5);
        Assert.That(() => Sound.Load(new MemoryStream(slow), "some.wav"), Throws.TypeOf<ModelFormatException>().With.Message.Contains("samples a second"));
    }

    [Test]
    public void DamagedFilesAreReadOrRefused()
    {
        Random random = new(11);
        byte[][] whole = [Wave(new float[50], 16_000, 1, 16, false), Wave(new float[60], 44_100, 2, 24, false), Wave(new float[40], 8_000, 1, 32, true)];
        int read = 0;
        for (int i = 0; i < 3000; i++)
        {
            byte[] bytes = [.. whole[i % whole.Length]];
            for (int change = random.Next(1, 5); change > 0; change--)
            {
                bytes[random.Next(60)] = random.Next(3) switch { 0 => 0, 1 => 255, _ => (byte)random.Next(256) };
            }

            bytes = bytes[..random.Next(random.Next(2) == 0 ? 0 : bytes.Length, bytes.Length + 1)];
            try
            {
                Sound sound = Sound.Load(new MemoryStream(bytes), "some.wav");
                Assert.That(sound.Samples.Length, Is.LessThanOrEqualTo(bytes.Length));
                read++;
            }
            catch (ModelFormatException exception)
            {
                Assert.That(exception.Message, Does.StartWith("some.wav"));
            }
        }

        Assert.That(read, Is.GreaterThan(100));
    }

    [TestCase(44_100, 16_000)]
    [TestCase(48_000, 16_000)]
    [TestCase(22_050, 16_000)]
    [TestCase(11_025, 16_000)]
    [TestCase(8_000, 16_000)]
    [TestCase(96_000, 8_000)]
    public void ATonesStaysWhatItIs(int from, int to)
    {
        Sound sound = new([.. Enumerable.Range(0, from).Select(i => 0.5f * MathF.Sin((float)(2 * Math.PI * 1000 * i / from)))], from);
        Sound resampled = sound.Resample(to);
        Assert.That(resampled.Samples.Length, Is.EqualTo(to));
        double error = 0;
        for (int i = to / 10; i < to * 9 / 10; i++)
        {
            double difference = resampled.Samples[i] - (0.5 * Math.Sin(2 * Math.PI * 1000 * i / to));
            error += difference * difference;
        }

        // In its place, and 50 dB above what is wrong with it.
        Assert.That(10 * Math.Log10(0.125 / (error / (to * 0.8))), Is.GreaterThan(50));
    }

    [Test]
    public void WhatTheNewRateCannotHoldIsGone()
    {
        Sound sound = new([.. Enumerable.Range(0, 48_000).Select(i => 0.5f * MathF.Sin((float)(2 * Math.PI * 11_000 * i / 48_000)))], 48_000);
        float[] resampled = sound.Resample(16_000).Samples[1000..15_000].ToArray();
        Assert.That(10 * Math.Log10(0.125 / resampled.Average(sample => (double)sample * sample)), Is.GreaterThan(40));
    }

    /// <summary>A WAV file.</summary>
    private static byte[] Wave(float[] samples, int rate, int channels, int bits, bool isFloat)
    {
        using MemoryStream stream = new();
        using BinaryWriter writer = new(stream);
        int bytes = bits / 8;
        writer.Write("RIFF"u8);
        writer.Write(36 + (samples.Length * bytes));
        writer.Write("WAVEfmt "u8);
        writer.Write(16);
        writer.Write((short)(isFloat ? 3 : 1));
        writer.Write((short)channels);
        writer.Write(rate);
        writer.Write(rate * channels * bytes);
        writer.Write((short)(channels * bytes));
        writer.Write((short)bits);
        writer.Write("data"u8);
        writer.Write(samples.Length * bytes);
        foreach (float sample in samples)
        {
            if (isFloat)
            {
                writer.Write(sample);
                continue;
            }

            long value = (long)Math.Clamp(Math.Round(sample * Math.Pow(2, bits - 1)), -Math.Pow(2, bits - 1), Math.Pow(2, bits - 1) - 1);
            writer.Write(BitConverter.GetBytes(bits == 8 ? value + 128 : value).AsSpan(0, bytes));
        }

        return stream.ToArray();
    }
}
