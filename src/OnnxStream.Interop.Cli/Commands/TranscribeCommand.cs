using System.CommandLine;
using System.Diagnostics;
using OnnxStream.Interop.Cli.Reports;
using OnnxStream.Interop.Speech;

namespace OnnxStream.Interop.Cli.Commands;

/// <summary><c>onnxstream transcribe</c>: writes what is said in a sound.</summary>
internal sealed class TranscribeCommand : TaskCommand
{
    private readonly Argument<string> _file = new("FILE")
    {
        Description = "A WAV file.",
    };

    private readonly Option<string?> _language = new("--language", "-l")
    {
        Description = "The language that is spoken, as in en; the default is to find out from the first 30 seconds.",
        HelpName = "NAME",
    };

    private readonly Option<string> _task = new Option<string>("--task")
    {
        Description = "Write what is said, or translate it to English.",
        HelpName = "transcribe|translate",
        DefaultValueFactory = _ => "transcribe",
    }.AcceptOnlyFromAmong("transcribe", "translate");

    private readonly Option<bool> _timestamps = new("--timestamps")
    {
        Description = "With --format text: say when each piece is said.",
    };

    private readonly Option<string> _format = new Option<string>("--format")
    {
        Description = "What is printed: plain text, subtitles, or JSON.",
        HelpName = "text|srt|vtt|json",
        DefaultValueFactory = _ => "text",
    }.AcceptOnlyFromAmong("text", "srt", "vtt", "json");

    private readonly Option<string?> _prompt = new("--prompt")
    {
        Description = "What the speech may be about: names, or how words are written.",
        HelpName = "TEXT",
    };

    private readonly Option<string?> _vad = new("--vad")
    {
        Description = "Silero's model of voice activity: only where somebody speaks is anything written.",
        HelpName = "PATH",
    };

    public TranscribeCommand()
        : base("transcribe", "Write what is said in a sound.", "The folder of a model of Whisper's layout, as Hugging Face's optimum exports it.")
    {
        Add(_file);
        foreach (Option option in (Option[])[_language, _task, _timestamps, _format, _prompt, _vad])
        {
            Add(option);
        }

        AddTaskOptions();
    }

    public override IReadOnlyList<string> Examples =>
    [
        "onnxstream transcribe talk.wav --model models/whisper-tiny",
        "onnxstream transcribe talk.wav --model models/whisper-tiny --language de --task translate --timestamps",
        "onnxstream transcribe film.wav --model models/whisper-tiny --format srt --vad silero_vad.onnx > film.srt",
    ];

    protected override void Execute(ParseResult arguments, Terminal terminal, CancellationToken cancellationToken)
    {
        string folder = ModelPath(arguments);
        string file = arguments.GetRequiredValue(_file);
        string format = IsJson(arguments) ? "json" : arguments.GetRequiredValue(_format);
        Sound sound = Sound.Load(file);
        TranscriptionOptions options = new()
        {
            Language = arguments.GetValue(_language),
            Translates = arguments.GetRequiredValue(_task) == "translate",
            Prompt = arguments.GetValue(_prompt),
            Parts = arguments.GetValue(_vad) is { } vad ? FindSpeech(PulledModels.Locate(vad), sound, cancellationToken) : null,
        };
        long tensorBytes;
        using (SpeechToText model = SpeechToText.FromFolder(folder))
        {
            tensorBytes = model.TensorBytes;

            // What is wrong is said before work is done.
            try
            {
                _ = model.Transcribe(sound, options, null, cancellationToken);
            }
            catch (ArgumentException exception)
            {
                throw new UsageException(exception.Message.Split(" (Parameter '")[0]);
            }
        }

        Limit(arguments, tensorBytes, session =>
        {
            using SpeechToText model = SpeechToText.FromFolder(folder, session);
            long start = Stopwatch.GetTimestamp();
            List<TranscriptSegment> segments = [];
            ProgressReporter progress = new(() => CollectIfLimited(arguments));
            Transcription transcription = model.Transcribe(sound, options, progress, cancellationToken);
            if (format == "text")
            {
                foreach (TranscriptSegment segment in transcription)
                {
                    segments.Add(segment);
                    terminal.Output.WriteLine(arguments.GetValue(_timestamps) ? $"{segment.Start.TotalSeconds,9:0.000} {segment.End.TotalSeconds,9:0.000} {segment.Text.Trim()}" : segment.Text.Trim());
                    terminal.Output.Flush();
                }
            }
            else
            {
                segments.AddRange(ProgressDisplay.Show(terminal, report =>
                {
                    progress.Display = report;
                    return transcription.ToList();
                }));
            }

            double seconds = Seconds(Stopwatch.GetElapsedTime(start));
            switch (format)
            {
                case "srt":
                    Subtitles.WriteSrt(segments, terminal.Output);
                    break;
                case "vtt":
                    Subtitles.WriteVtt(segments, terminal.Output);
                    break;
                case "json":
                    terminal.Output.WriteLine(ReportJson.Serialize(new TranscriptReport(
                        file,
                        transcription.Language,
                        Math.Round(sound.Duration.TotalSeconds, 3),
                        string.Concat(segments.Select(segment => segment.Text)).Trim(),
                        [.. segments.Select(segment => new TranscriptPieceReport(
                            segment.Start.TotalSeconds, segment.End.TotalSeconds, segment.Text, Math.Round(segment.AverageLogProbability, 4), Math.Round(segment.NoSpeechProbability, 4), segment.Temperature))],
                        seconds,
                        transcription.TokenCount,
                        PeakMemory.Bytes)));
                    break;
            }

            terminal.Report($"{sound.Duration.TotalSeconds:0.0} s of sound in {seconds:0.0} s, language {transcription.Language ?? "unknown"}, {transcription.TokenCount} tokens; {Quantity.Bytes(PeakMemory.Bytes)} peak of the process");
            return true;
        });
    }

    private static IReadOnlyList<SpeechSegment> FindSpeech(string model, Sound sound, CancellationToken cancellationToken)
    {
        using VoiceActivityDetector detector = new(model);
        return detector.Detect(sound, progress: null, cancellationToken);
    }

    private sealed class ProgressReporter(Action collect) : IProgress<double>
    {
        public ProgressDisplay.Reporter? Display { get; set; }

        public void Report(double value)
        {
            Display?.Invoke("listening", value);
            collect();
        }
    }
}
