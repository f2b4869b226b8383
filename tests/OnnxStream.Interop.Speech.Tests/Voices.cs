using System.Diagnostics;

namespace OnnxStream.Interop.Speech.Tests;

/// <summary>Speech that espeak-ng makes.</summary>
internal static class Voices
{
    /// <summary>A text as it is spoken; the test is skipped where there is no espeak-ng.</summary>
    /// <param name="text">The text.</param>
    /// <param name="voice">The voice, such as <c>en-us</c>.</param>
    public static Sound Speak(string text, string voice = "en-us")
    {
        using TemporaryFolder folder = new();
        try
        {
            using Process process = Process.Start(new ProcessStartInfo("espeak-ng", ["-v", voice, "-s", "150", "-w", folder["speech.wav"], text]) { RedirectStandardError = true })!;
            string error = process.StandardError.ReadToEnd();
            process.WaitForExit();
            Assert.That(process.ExitCode, Is.Zero, error);
        }
        catch (System.ComponentModel.Win32Exception exception)
        {
            Assert.Ignore($"There is no espeak-ng: {exception.Message}");
        }

        return Sound.Load(folder["speech.wav"]);
    }

    /// <summary>A faint noise, which no room is without.</summary>
    public static float[] Noise(int count, float loudness = 0.001f)
    {
        Random random = new(1);
        return [.. Enumerable.Range(0, count).Select(_ => loudness * ((2 * random.NextSingle()) - 1))];
    }

    /// <summary>Sounds with silence before, between and behind them, and when each begins and ends.</summary>
    public static (Sound Sound, (double Start, double End)[] Places) Arrange(int rate, double silence, params IEnumerable<Sound> sounds)
    {
        List<float> samples = [.. Noise((int)(silence * rate))];
        List<(double, double)> places = [];
        foreach (Sound sound in sounds)
        {
            double start = (double)samples.Count / rate;
            samples.AddRange(sound.Resample(rate).Samples);
            places.Add((start, (double)samples.Count / rate));
            samples.AddRange(Noise((int)(silence * rate)));
        }

        return (new Sound([.. samples], rate), [.. places]);
    }
}
