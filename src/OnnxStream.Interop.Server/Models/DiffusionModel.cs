using System.Collections.Concurrent;
using OnnxStream.Interop.Diffusion;
using OnnxStream.Interop.Diffusion.Schedulers;
using OnnxStream.Interop.Server.Jobs;

namespace OnnxStream.Interop.Server.Models;

/// <summary>A model that makes pictures. Its networks are open only while a job is being done, one after the other.</summary>
internal sealed class DiffusionModel : ServedModel
{
    // Red, green and blue: latents decoded as numbers, the picture, and its file.
    private const long BytesOfPixel = 3 * (sizeof(float) + 1 + 1);

    private const int UsualLatents = 64;

    private readonly PipelineConfiguration _configuration;
    private readonly ModelShelfOptions _options;
    private readonly ConcurrentDictionary<(int Width, int Height, bool HasImage), PlannedBytes> _plans = [];
    private readonly Lock _planning = new();
    private StableDiffusionPipeline? _pipeline;

    public DiffusionModel(string name, string folder, PipelineConfiguration configuration, ModelShelfOptions options)
        : base(name, folder)
    {
        _configuration = configuration with { Name = name };
        _options = options;
        Facts = new ModelFacts
        {
            Width = (configuration.LatentWidth ?? UsualLatents) * configuration.PixelsPerLatent,
            Height = (configuration.LatentHeight ?? UsualLatents) * configuration.PixelsPerLatent,
            SizeStep = configuration.PixelsPerLatent,
            Steps = configuration.RecommendedSteps,
            Sampler = configuration.RecommendedScheduler.Type.DisplayName(),
            GuidanceScale = configuration.RecommendedGuidanceScale,
            TakesImages = configuration.VaeEncoderPath is not null,
        };
    }

    /// <inheritdoc/>
    public override IReadOnlyList<JobKind> Kinds { get; } = [JobKind.Image];

    /// <inheritdoc/>
    public override long OpenBytes => 0;

    /// <inheritdoc/>
    public override ModelFacts Facts { get; }

    /// <inheritdoc/>
    public override long Plan(JobRequest request)
    {
        ImageParameters image = request.Image ?? throw Wrong("image", "The job has no parameters for pictures.");
        int step = _configuration.PixelsPerLatent;
        (int width, int height) = SizeOf(image);
        foreach ((int size, string what) in ((int, string)[])[(width, "width"), (height, "height")])
        {
            if (size < step || size % step != 0)
            {
                throw Wrong(what, $"The {what} should be a multiple of {step} pixels, found {size}.");
            }
        }

        if ((_configuration.LatentWidth is { } fixedWidth && fixedWidth * step != width) || (_configuration.LatentHeight is { } fixedHeight && fixedHeight * step != height))
        {
            throw Wrong("width", $"The model '{Name}' makes pictures of {Facts.Width}x{Facts.Height} pixels alone; {width}x{height} was asked for.");
        }

        if (image.Steps is { } steps && (steps < 1 || steps > _configuration.NoiseSchedule.TrainingTimesteps))
        {
            throw Wrong("steps", $"The number of steps should be from 1 to {_configuration.NoiseSchedule.TrainingTimesteps}, found {steps}.");
        }

        if (image.Image is not null && _configuration.VaeEncoderPath is null)
        {
            throw Wrong("image", $"The model '{Name}' has no encoder for pictures (vae_encoder), so it cannot begin with one.");
        }

        if (image is { Mask: not null, Image: null })
        {
            throw Wrong("mask", "A mask needs the picture that it is for.");
        }

        _ = SchedulerOf(image);
        if (image.Image is not null && (int)((image.Steps ?? _configuration.RecommendedSteps) * (image.Strength ?? 0.75f)) < 1)
        {
            throw Wrong("strength", $"A strength of {image.Strength} leaves no step to take.");
        }

        PlannedBytes bytes;
        lock (_planning)
        {
            bytes = _plans.TryGetValue((width, height, image.Image is not null), out PlannedBytes known) ? known : MakePlan(width, height, image.Image is not null);
            if (_plans.Count >= 64)
            {
                _plans.Clear();
            }

            _plans[(width, height, image.Image is not null)] = bytes;
        }

        long pictures = BytesOfPictures(width, height, image.Count ?? 1);
        return pictures + bytes.Within(_options.Budget - pictures);
    }

    /// <inheritdoc/>
    public override JobResult Run(JobWork work, CancellationToken cancellationToken)
    {
        ImageParameters image = work.Request.Image!;
        (int width, int height) = SizeOf(image);
        SessionOptions session = _options.Budget is null ? _options.Session : _options.Session with { MemoryBudget = work.Bytes - BytesOfPictures(width, height, image.Count ?? 1) };

        // The tokenizers are read once; how sessions compute is another matter for each job.
        StableDiffusionPipeline pipeline = _options.Budget is null ? _pipeline ??= new StableDiffusionPipeline(_configuration, session) : new StableDiffusionPipeline(_configuration, session);
        ProgressSteps progress = new(work.Report);
        GenerationOptions defaults = new() { Prompt = image.Prompt };
        GenerationOptions options = defaults with
        {
            NegativePrompt = image.NegativePrompt ?? "",
            ImageCount = image.Count ?? 1,
            Width = width,
            Height = height,
            Steps = image.Steps,
            GuidanceScale = image.GuidanceScale,
            Scheduler = SchedulerOf(image),
            Seed = image.Seed,
            ClipSkip = image.ClipSkip ?? defaults.ClipSkip,
            Image = Decode(image.Image, "image", width, height),
            Mask = Decode(image.Mask, "mask", width, height),
            Strength = image.Strength ?? defaults.Strength,
            MaskBlur = image.MaskBlur ?? defaults.MaskBlur,
            PreviewInterval = image.PreviewInterval ?? 1,
            Preview = image.PreviewInterval is null ? null : progress.Show,
        };
        if (work.Saves is { } saves)
        {
            options = options with
            {
                Save = states => saves.Keep(SavedSteps.Write(states)),
                SaveInterval = saves.Interval,
                Resume = image.Seed is null || saves.Last is not { } last ? null : SavedSteps.Read(last, options.ImageCount),
            };
        }

        GenerationResult result;
        try
        {
            result = Generate(pipeline, options, progress, cancellationToken);
        }
        catch (ArgumentException exception)
        {
            throw new JobRefusedException(new JobError("invalid_request", WithoutParameter(exception)), RefusalReason.Request, exception);
        }

        return new JobResult([.. result.Images.Select(made => new JobPart(PngFile.Encode(made.Image, made.Parameters.ToString()), "image/png")
        {
            Width = made.Width,
            Height = made.Height,
            Seed = made.Seed,
            Parameters = made.Parameters.ToString(),
        })]);
    }

    /// <inheritdoc/>
    public override void Close() => _pipeline = null;

    // What was kept may be of another version of the model: then the work begins anew.
    private static GenerationResult Generate(StableDiffusionPipeline pipeline, GenerationOptions options, ProgressSteps progress, CancellationToken cancellationToken)
    {
        try
        {
            return pipeline.Generate(options, progress, cancellationToken);
        }
        catch (ArgumentException) when (options.Resume is not null)
        {
            return pipeline.Generate(options with { Resume = null }, progress, cancellationToken);
        }
    }

    private static string WithoutParameter(ArgumentException exception)
    {
        int end = exception.Message.IndexOf(" (Parameter '", StringComparison.Ordinal);
        return end < 0 ? exception.Message : exception.Message[..end];
    }

    private static RgbImage? Decode(byte[]? file, string param, int width, int height)
    {
        if (file is null)
        {
            return null;
        }

        try
        {
            RgbImage picture = RgbImage.Decode(file);
            return picture.Width == width && picture.Height == height ? picture : picture.Resize(width, height);
        }
        catch (ArgumentException exception)
        {
            throw Wrong(param, WithoutParameter(exception));
        }
    }

    private static SchedulerOptions? SchedulerOf(ImageParameters image)
    {
        SchedulerOptions? options = null;
        if (image.Sampler is { } sampler)
        {
            options = SchedulerOptions.TryParse(sampler) ?? throw Wrong("sampler", $"There is no sampler of this name; did you mean \"{SchedulerTypes.Nearest(sampler)}\"?");
        }

        if (image.Schedule is { } name)
        {
            SigmaSchedule schedule = SigmaSchedules.Find(name) ?? throw Wrong("schedule", $"There is no schedule of this name; did you mean \"{SigmaSchedules.Nearest(name)}\"?");
            options = (options ?? throw Wrong("schedule", "A schedule needs a sampler: name both.")) with { Schedule = schedule };
        }

        return options;
    }

    private static long BytesOfPictures(int width, int height, int count) => BytesOfPixel * width * height * count;

    private (int Width, int Height) SizeOf(ImageParameters image) => (image.Width ?? Facts.Width!.Value, image.Height ?? Facts.Height!.Value);

    private PlannedBytes MakePlan(int width, int height, bool hasImage)
    {
        int latentWidth = width / _configuration.PixelsPerLatent, latentHeight = height / _configuration.PixelsPerLatent;

        // What guidance takes: two samples at once.
        const int Samples = 2;
        PlannedBytes bytes = PlannedBytes.Of(_configuration.TextEncoderPath, _options.Session, (_, index) => index == 0 ? Samples : _configuration.Tokenizer.ContextLength);
        if (_configuration.TextEncoder2Path is { } second)
        {
            bytes = bytes.Or(PlannedBytes.Of(second, _options.Session, (_, index) => index == 0 ? Samples : _configuration.Tokenizer.ContextLength));
        }

        bytes = bytes.Or(PlannedBytes.Of(_configuration.UnetPath, _options.Session, (input, index) => (input.Dimensions!.Count, index) switch
        {
            (4, 1) => _configuration.LatentChannels,
            (4, 2) => latentHeight,
            (4, 3) => latentWidth,
            (3, 1) => _configuration.Tokenizer.ContextLength,
            (_, 0) => input.Dimensions.Count > 1 ? Samples : 1,
            (2, 1) => input.Name.Contains("time_ids", StringComparison.Ordinal) ? 6 : 1280,
            _ => 768,
        }));
        bytes = bytes.Or(PlannedBytes.Of(_configuration.VaeDecoderPath, _options.Session, (_, index) => index switch
        {
            0 => 1,
            1 => _configuration.LatentChannels,
            2 => latentHeight,
            _ => latentWidth,
        }));
        return hasImage
            ? bytes.Or(PlannedBytes.Of(_configuration.VaeEncoderPath!, _options.Session, (_, index) => index switch { 0 => 1, 1 => 3, 2 => height, _ => width }))
            : bytes;
    }

    /// <summary>Steps and coarse pictures as events. The picture of a step comes behind the step's own report.</summary>
    private sealed class ProgressSteps(Action<JobEvent> report) : IProgress<PipelineProgress>
    {
        private PipelineProgress _last;

        public void Report(PipelineProgress value)
        {
            _last = value;
            report(Event(value));
        }

        public void Show(GenerationPreview preview) => report(Event(_last) with { Preview = PngFile.Encode(preview.Image) });

        private static JobEvent Event(PipelineProgress value) => new(JobEventType.Progress)
        {
            Stage = value.Stage switch
            {
                PipelineStage.TextEncoding => "text_encoding",
                PipelineStage.ImageEncoding => "image_encoding",
                PipelineStage.Denoising => "denoising",
                _ => "decoding",
            },
            Step = value.Step,
            Steps = value.StepCount,
        };
    }
}
