using OnnxStream.Interop.Server.Jobs;
using OnnxStream.Interop.Speech;

namespace OnnxStream.Interop.Server.Models;

/// <summary>A model that writes what is said. Its networks stay open between jobs; with a budget, one of them at a time.</summary>
internal sealed class SpeechModel : ServedModel
{
    // What a network hears, and what it is made of: the file's samples, those of 16 kHz, and these once more while they are looked at.
    private const int HeardRate = 16_000;
    private const int HeardCopies = 2;

    private readonly ModelShelfOptions _options;
    private readonly PlannedBytes _bytes;
    private readonly long _tensorBytes;
    private readonly bool _translates;
    private readonly HashSet<string> _languages;
    private readonly Lock _lock = new();
    private SpeechToText? _model;

    public SpeechModel(string name, string folder, ModelShelfOptions options)
        : base(name, folder)
    {
        _options = options;
        using SpeechToText model = SpeechToText.FromFolder(folder, options.Session);
        IReadOnlyList<PlanSummary> plans = model.Plan();
        _bytes = new PlannedBytes(plans.Max(plan => plan.PeakBytes), plans.Max(plan => plan.SmallestBudgetBytes));
        _tensorBytes = model.TensorBytes;
        _translates = model.Translates;
        _languages = [.. model.Languages];
        Facts = new ModelFacts { Languages = model.Languages };
    }

    /// <inheritdoc/>
    public override IReadOnlyList<JobKind> Kinds { get; } = [JobKind.Transcription];

    /// <inheritdoc/>
    public override long OpenBytes => _bytes.Within(_options.Budget);

    /// <inheritdoc/>
    public override ModelFacts Facts { get; }

    /// <inheritdoc/>
    public override long Plan(JobRequest request)
    {
        TranscriptionParameters parameters = request.Transcription ?? throw Wrong("transcription", "The job has no parameters for a transcription.");
        if (parameters.Language is { } language && !_languages.Contains(language))
        {
            throw Wrong("language", $"The model '{Name}' does not know this language. It knows: {string.Join(", ", _languages)}.");
        }

        if (parameters.Translates && !_translates)
        {
            throw Wrong("model", $"The model '{Name}' knows English only, and does not translate.");
        }

        using MemoryStream stream = new(parameters.Sound, writable: false);
        (long count, int rate) = Sound.ReadLength(stream, "sound");
        return _tensorBytes + (sizeof(float) * (count + (HeardCopies * (count * HeardRate / rate))));
    }

    /// <inheritdoc/>
    public override JobResult Run(JobWork work, CancellationToken cancellationToken)
    {
        TranscriptionParameters parameters = work.Request.Transcription!;
        SpeechToText model;
        lock (_lock)
        {
            model = _model ??= SpeechToText.FromFolder(Folder, _options.Budget is null ? _options.Session : _options.Session with { MemoryBudget = OpenBytes });
        }

        using MemoryStream stream = new(parameters.Sound, writable: false);
        Sound sound = Sound.Load(stream, "sound");
        TranscriptionOptions defaults = new();
        Transcription transcription = model.Transcribe(
            sound,
            defaults with
            {
                Language = parameters.Language,
                Translates = parameters.Translates,
                Prompt = parameters.Prompt,
                Temperatures = parameters.Temperature is { } temperature and > 0 ? [temperature] : defaults.Temperatures,
            },
            new Steps(work.Report, sound.Duration.TotalSeconds),
            cancellationToken);
        List<TranscriptSegment> segments = [];
        foreach (TranscriptSegment segment in transcription)
        {
            segments.Add(segment);
            work.Report(new JobEvent(JobEventType.Text) { Text = segment.Text });
        }

        return new JobResult([new JobPart(TranscriptFile.Write(transcription, segments, parameters.Translates), "application/json")])
        {
            Usage = new JobUsage(0, transcription.TokenCount, 0),
        };
    }

    /// <inheritdoc/>
    public override void Close()
    {
        lock (_lock)
        {
            _model?.Dispose();
            _model = null;
        }
    }

    private sealed class Steps(Action<JobEvent> report, double seconds) : IProgress<double>
    {
        public void Report(double value) => report(new JobEvent(JobEventType.Progress) { Stage = "listening", Step = (int)Math.Round(value * seconds), Steps = (int)Math.Ceiling(seconds) });
    }
}
