using System.Diagnostics;
using System.Globalization;
using System.Text.Json;

namespace OnnxStream.Interop.Benchmarks.Peers;

/// <summary>What was measured of an engine, in the form of <c>onnxstream bench-llm --json</c>.</summary>
/// <param name="Tests">Of a prompt, and of tokens one by one.</param>
/// <param name="PeakRssBytes">The most memory that the process had resident.</param>
internal sealed record LanguageMeasurement(IReadOnlyList<LanguageTest> Tests, long PeakRssBytes)
{
    private static readonly JsonSerializerOptions s_options = new() { PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower };

    /// <summary>Measures an engine, after one text that is not counted.</summary>
    public static LanguageMeasurement Measure(LanguageEngine engine, int promptLength, int tokens, int repetitions)
    {
        double[] prompts = new double[repetitions];
        double[] answers = new double[repetitions];
        for (int i = -1; i < repetitions; i++)
        {
            Random random = new(i);
            int[] prompt = [.. Enumerable.Range(0, promptLength).Select(_ => random.Next(engine.VocabularySize))];
            long start = Stopwatch.GetTimestamp();
            engine.Begin(prompt);
            double promptS = Stopwatch.GetElapsedTime(start).TotalSeconds;

            // As with bench-llm: tokens behind a prompt of one.
            engine.Begin([prompt[0]]);
            start = Stopwatch.GetTimestamp();
            for (int token = 0; token < tokens; token++)
            {
                engine.Next();
            }

            if (i >= 0)
            {
                prompts[i] = promptS;
                answers[i] = Stopwatch.GetElapsedTime(start).TotalSeconds;
            }
        }

        return new LanguageMeasurement([Test($"pp{promptLength}", promptLength, prompts), Test($"tg{tokens}", tokens, answers)], PeakBytes());
    }

    /// <summary>What the process prints.</summary>
    public string ToJson() => JsonSerializer.Serialize(this, s_options);

    private static LanguageTest Test(string name, int count, double[] seconds) => new(name, seconds.Average(repetition => count / repetition), seconds);

    private static long PeakBytes()
    {
        const string Field = "VmHWM:";
        return OperatingSystem.IsLinux()
            ? 1024 * long.Parse(File.ReadLines("/proc/self/status").First(line => line.StartsWith(Field, StringComparison.Ordinal)).AsSpan(Field.Length).Trim().TrimEnd(" kB"), CultureInfo.InvariantCulture)
            : Process.GetCurrentProcess().PeakWorkingSet64;
    }
}
