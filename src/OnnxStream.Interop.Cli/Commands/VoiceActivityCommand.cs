using System.Buffers.Binary;
using System.CommandLine;
using System.Diagnostics;
using System.Globalization;
using System.Runtime.InteropServices;
using OnnxStream.Interop.Cli.Reports;
using OnnxStream.Interop.Speech;

namespace OnnxStream.Interop.Cli.Commands;

/// <summary><c>onnxstream vad</c>: finds speech in sound.</summary>
internal sealed class VoiceActivityCommand : TaskCommand
{
    private readonly Argument<string> _file = new("FILE")
    {
        Description = "A WAV file, or - for raw samples of one channel from standard input, as a microphone gives them: segments are then printed as they end.",
    };

    private readonly Option<int> _rate = NumberOption("--rate", Sound.LeastRate, 16_000, "The samples a second of standard input.", Sound.MostRate);

    private readonly Option<string> _type = new Option<string>("--sample-type")
    {
        Description = "The type of the samples of standard input: integers of 16 bits, or numbers in single precision; little-endian.",
        HelpName = "s16|f32",
        DefaultValueFactory = _ => "s16",
    }.AcceptOnlyFromAmong("s16", "f32");

    private readonly Option<double> _threshold = FractionOption("--threshold", 0.5, "How sure a frame of 32 ms must be to begin speech, between 0 and 1.");

    private readonly Option<int> _leastSpeech = NumberOption("--min-speech", 0, 250, "Milliseconds of the shortest speech.");

    private readonly Option<int> _leastSilence = NumberOption("--min-silence", 0, 100, "Milliseconds of silence that end speech.");

    private readonly Option<int> _padding = NumberOption("--padding", 0, 30, "Milliseconds that are added at each end.");

    public VoiceActivityCommand()
        : base("vad", "Find speech in sound.", "Silero's model, version 5 or later: silero_vad.onnx, or a folder with it.")
    {
        Add(_file);
        foreach (Option option in (Option[])[_rate, _type, _threshold, _leastSpeech, _leastSilence, _padding])
        {
            Add(option);
        }

        AddTaskOptions();
    }

    public override IReadOnlyList<string> Examples =>
    [
        "onnxstream vad meeting.wav --model silero_vad.onnx",
        "onnxstream vad meeting.wav --model silero_vad.onnx --min-silence 500 --json",
        "arecord -q -t raw -f S16_LE -r 16000 | onnxstream vad - --model silero_vad.onnx        a microphone",
    ];

    protected override void Execute(ParseResult arguments, Terminal terminal, CancellationToken cancellationToken)
    {
        string model = ModelPath(arguments);
        string file = arguments.GetRequiredValue(_file);
        Sound? sound = file == "-" ? null : Sound.Load(file);
        VoiceActivityOptions detection = new()
        {
            Threshold = arguments.GetValue(_threshold),
            LeastSpeech = TimeSpan.FromMilliseconds(arguments.GetValue(_leastSpeech)),
            LeastSilence = TimeSpan.FromMilliseconds(arguments.GetValue(_leastSilence)),
            Padding = TimeSpan.FromMilliseconds(arguments.GetValue(_padding)),
        };
        bool isJson = IsJson(arguments);
        VoiceActivityReport report = Limit(arguments, tensorBytes: 0, options =>
        {
            // More threads than one wait for one another longer than they compute.
            using VoiceActivityDetector detector = new(model, detection, options.ThreadCount == 0 ? options with { ThreadCount = 1 } : options);
            TimeSpan before = Environment.CpuUsage.TotalTime;
            long start = Stopwatch.GetTimestamp();
            List<SpeechReport> segments = [];
            int rate = sound?.SampleRate ?? arguments.GetValue(_rate);
            double duration;
            if (sound is not null)
            {
                Add(ProgressDisplay.Show(terminal, report => detector.Detect(sound, new FractionReporter(report, () => CollectIfLimited(arguments)), cancellationToken)));
                duration = sound.Duration.TotalSeconds;
            }
            else
            {
                duration = Listen(detector, rate, arguments.GetRequiredValue(_type) == "f32", Hear, cancellationToken);
            }

            double processor = Seconds(Environment.CpuUsage.TotalTime - before);
            return new VoiceActivityReport(
                file,
                rate,
                Math.Round(duration, 3),
                Math.Round(segments.Sum(segment => segment.End - segment.Start), 3),
                segments,
                Seconds(Stopwatch.GetElapsedTime(start)),
                processor,
                duration > 0 ? Math.Round(processor / duration, 5) : 0,
                PeakMemory.Bytes);

            void Hear(IReadOnlyList<SpeechSegment> more)
            {
                Add(more);
                CollectIfLimited(arguments);
            }

            void Add(IReadOnlyList<SpeechSegment> more)
            {
                foreach (SpeechSegment segment in more)
                {
                    segments.Add(new SpeechReport(Math.Round(segment.Start.TotalSeconds, 3), Math.Round(segment.End.TotalSeconds, 3)));
                    if (!isJson)
                    {
                        terminal.Output.WriteLine($"{segments[^1].Start,9:0.000} {segments[^1].End,9:0.000}");
                        terminal.Output.Flush();
                    }
                }
            }
        });
        if (isJson)
        {
            terminal.Output.WriteLine(ReportJson.Serialize(report));
        }
        else
        {
            terminal.Report($"{report.SpeechS:0.0} s of speech in {report.DurationS:0.0} s; {100 * report.Load:0.0} % of a processor, {Quantity.Bytes(report.PeakRssBytes)} peak of the process");
        }
    }

    // Reads what is there, however little, so that nothing waits for a buffer to fill. Returns the seconds that were heard.
    private static double Listen(VoiceActivityDetector detector, int rate, bool isFloat, Action<IReadOnlyList<SpeechSegment>> receive, CancellationToken cancellationToken)
    {
        using Stream input = Console.OpenStandardInput();
        using VoiceActivityStream stream = detector.CreateStream(rate);
        int size = isFloat ? sizeof(float) : sizeof(short);
        byte[] buffer = new byte[1 << 14];
        long samples = 0;
        int kept = 0;
        while (true)
        {
            // A pipe cannot be interrupted; whoever stops the tool waits for what is read in a thread of its own.
            int count = input.ReadAsync(buffer.AsMemory(kept), cancellationToken).AsTask().WaitAsync(cancellationToken).GetAwaiter().GetResult();
            if (count == 0)
            {
                receive(stream.Complete(cancellationToken));
                return (double)samples / rate;
            }

            count += kept;
            int whole = count / size;
            receive(stream.Push(ToSamples(buffer.AsSpan(0, whole * size), isFloat), cancellationToken));
            samples += whole;
            kept = count - (whole * size);
            buffer.AsSpan(whole * size, kept).CopyTo(buffer);
        }
    }

    private static float[] ToSamples(ReadOnlySpan<byte> bytes, bool isFloat)
    {
        if (isFloat)
        {
            return MemoryMarshal.Cast<byte, float>(bytes).ToArray();
        }

        float[] samples = new float[bytes.Length / sizeof(short)];
        for (int i = 0; i < samples.Length; i++)
        {
            samples[i] = BinaryPrimitives.ReadInt16LittleEndian(bytes[(i * sizeof(short))..]) / 32768f;
        }

        return samples;
    }

    private static Option<double> FractionOption(string name, double otherwise, string description) => new(name)
    {
        Description = description,
        HelpName = "N",
        DefaultValueFactory = _ => otherwise,
        CustomParser = result =>
        {
            string text = result.Tokens[0].Value;
            if (!double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out double value) || value is not (> 0 and < 1))
            {
                result.AddError($"{name} {text}: expected a number between 0 and 1, as in 0.5.");
            }

            return value;
        },
    };

    private sealed class FractionReporter(ProgressDisplay.Reporter report, Action collect) : IProgress<double>
    {
        public void Report(double value)
        {
            report("listening", value);
            collect();
        }
    }
}
