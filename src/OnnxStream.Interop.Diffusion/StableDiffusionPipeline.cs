using System.Diagnostics;
using OnnxStream.Interop.Diffusion.RandomSources;
using OnnxStream.Interop.Diffusion.Schedulers;

namespace OnnxStream.Interop.Diffusion;

/// <summary>Text to image: encodes prompts, turns noise into latents, decodes them.</summary>
/// <remarks>
/// Only one of the three models is open at a time: each stage opens its own, does its work for all pictures, and closes it before
/// the next begins. Between generations nothing is held but the tokenizer. Several generations may run at once.
/// </remarks>
public sealed class StableDiffusionPipeline
{
    private readonly Func<PipelineStage, SessionOptions?> _sessionOptions;
    private readonly ClipTokenizer _tokenizer;

    /// <summary>Makes a pipeline of a model.</summary>
    /// <param name="configuration">The model.</param>
    /// <param name="sessionOptions">How the sessions of all three stages compute; null for the defaults.</param>
    /// <exception cref="ModelFormatException">The tokenizer's files are not what they should be.</exception>
    public StableDiffusionPipeline(PipelineConfiguration configuration, SessionOptions? sessionOptions = null)
        : this(configuration, _ => sessionOptions)
    {
    }

    /// <summary>Makes a pipeline of a model whose stages compute in different ways.</summary>
    /// <param name="configuration">The model.</param>
    /// <param name="sessionOptions">How the session of a stage computes; null for the defaults. Called when the stage begins.</param>
    /// <exception cref="ModelFormatException">The tokenizer's files are not what they should be.</exception>
    public StableDiffusionPipeline(PipelineConfiguration configuration, Func<PipelineStage, SessionOptions?> sessionOptions)
    {
        ArgumentNullException.ThrowIfNull(configuration);
        ArgumentNullException.ThrowIfNull(sessionOptions);
        Configuration = configuration;
        _sessionOptions = sessionOptions;
        _tokenizer = new ClipTokenizer(configuration.Tokenizer);
    }

    /// <summary>Makes a pipeline of the model in a folder.</summary>
    /// <param name="folder">The folder, in one of the layouts that <see cref="PipelineConfiguration"/> lists.</param>
    /// <param name="sessionOptions">How the sessions of all three stages compute; null for the defaults.</param>
    /// <exception cref="DirectoryNotFoundException">The folder does not exist.</exception>
    /// <exception cref="ModelFormatException">The folder holds no model that is understood.</exception>
    public static StableDiffusionPipeline FromFolder(string folder, SessionOptions? sessionOptions = null) =>
        new(PipelineConfiguration.FromFolder(folder), sessionOptions);

    /// <summary>The model.</summary>
    public PipelineConfiguration Configuration { get; }

    /// <summary>Generates pictures.</summary>
    /// <param name="options">What to generate.</param>
    /// <param name="progress">Receives a report before the first step of each stage and after every step; null for none.</param>
    /// <param name="cancellationToken">Cancels between operators.</param>
    /// <exception cref="OnnxStreamException">A model cannot be used.</exception>
    /// <exception cref="OperationCanceledException">It was cancelled.</exception>
    public GenerationResult Generate(
        GenerationOptions options, IProgress<PipelineProgress>? progress = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(options);
        ArgumentNullException.ThrowIfNull(options.Prompt, nameof(options));
        ArgumentNullException.ThrowIfNull(options.NegativePrompt, nameof(options));
        ArgumentOutOfRangeException.ThrowIfLessThan(options.ImageCount, 1, nameof(options));
        int steps = options.Steps ?? Configuration.RecommendedSteps;
        ArgumentOutOfRangeException.ThrowIfLessThan(steps, 1, nameof(options));
        ArgumentOutOfRangeException.ThrowIfGreaterThan(steps, Configuration.NoiseSchedule.TrainingTimesteps, nameof(options));
        float guidance = options.GuidanceScale ?? Configuration.RecommendedGuidanceScale;
        if (!float.IsFinite(guidance))
        {
            throw new ArgumentOutOfRangeException(nameof(options), guidance, "The guidance scale should be a finite number.");
        }

        long seed = options.Seed ?? Random.Shared.NextInt64(1L << 32);
        IScheduler scheduler = (options.Scheduler ?? Configuration.RecommendedScheduler).Create(Configuration.NoiseSchedule, steps);

        long start = Stopwatch.GetTimestamp();
        List<StageStatistics> statistics = [];
        IReadOnlyList<TensorBuffer> conditions = EncodePrompts(options, guidance, progress, statistics, out int dropped, cancellationToken);
        List<TensorBuffer> latents = Denoise(options, conditions, guidance, seed, scheduler, progress, statistics, cancellationToken);
        List<RgbImage> pictures = Decode(latents, progress, statistics, cancellationToken);

        List<GeneratedImage> images = [];
        for (int i = 0; i < pictures.Count; i++)
        {
            images.Add(new GeneratedImage(pictures[i], latents[i], new GenerationParameters
            {
                Prompt = options.Prompt,
                NegativePrompt = options.NegativePrompt,
                Steps = steps,
                Sampler = scheduler.Name,
                Schedule = scheduler.ScheduleName,
                GuidanceScale = guidance,
                Seed = unchecked(seed + i),
                Width = pictures[i].Width,
                Height = pictures[i].Height,
                Model = Configuration.Name,
            }));
        }

        return new GenerationResult(images, statistics, Stopwatch.GetElapsedTime(start), dropped);
    }

    /// <summary>The hidden states of the negative prompt and of the prompt; of the prompt alone where the other has no influence.</summary>
    private IReadOnlyList<TensorBuffer> EncodePrompts(
        GenerationOptions options,
        float guidance,
        IProgress<PipelineProgress>? progress,
        List<StageStatistics> statistics,
        out int dropped,
        CancellationToken cancellationToken)
    {
        long[] prompt = _tokenizer.Encode(options.Prompt, out dropped);
        List<long[]> prompts = [prompt];
        if (guidance != 1)
        {
            prompts.Insert(0, _tokenizer.Encode(options.NegativePrompt, out int droppedOfNegative));
            dropped += droppedOfNegative;
        }

        progress?.Report(new PipelineProgress(PipelineStage.TextEncoding, 0, 1));
        using TextEncoder textEncoder = new(Configuration.TextEncoderPath, Configuration.Files, _sessionOptions(PipelineStage.TextEncoding));
        if (textEncoder.ContextLength is { } length && length != prompt.Length)
        {
            throw new ModelFormatException(
                Configuration.TextEncoderPath, $"the text encoder takes {length} ids, the tokenizer gives {prompt.Length}; the two do not belong together.");
        }

        IReadOnlyList<TensorBuffer> states = textEncoder.Encode(prompts, cancellationToken);
        statistics.Add(textEncoder.Statistics);
        progress?.Report(new PipelineProgress(PipelineStage.TextEncoding, 1, 1));
        return states;
    }

    private List<TensorBuffer> Denoise(
        GenerationOptions options,
        IReadOnlyList<TensorBuffer> conditions,
        float guidance,
        long seed,
        IScheduler scheduler,
        IProgress<PipelineProgress>? progress,
        List<StageStatistics> statistics,
        CancellationToken cancellationToken)
    {
        // What a square of 512 pixels needs, if neither the configuration nor the model says it.
        const int UsualSize = 64;

        int steps = scheduler.Timesteps.Count;
        int stepCount = checked(steps * options.ImageCount);
        progress?.Report(new PipelineProgress(PipelineStage.Denoising, 0, stepCount));
        using Unet unet = new(Configuration.UnetPath, Configuration.Files, _sessionOptions(PipelineStage.Denoising));
        if (unet.LatentChannels is { } channels && channels != Configuration.LatentChannels)
        {
            throw new ModelFormatException(
                Configuration.UnetPath, $"the UNET takes {channels} channels, latents have {Configuration.LatentChannels}; models for inpainting and the like are not supported.");
        }

        Shape shape = new(
            1,
            Configuration.LatentChannels,
            Configuration.LatentHeight ?? unet.LatentHeight ?? UsualSize,
            Configuration.LatentWidth ?? unet.LatentWidth ?? UsualSize);
        List<TensorBuffer> latents = [];
        for (int image = 0; image < options.ImageCount; image++)
        {
            long imageSeed = unchecked(seed + image);
            IRandomSource random = options.RandomSource?.Invoke(imageSeed) ?? new PhiloxRandomSource(unchecked((ulong)imageSeed));
            TensorBuffer sample = new(ElementType.Float32, shape);
            TensorBuffer scaled = new(ElementType.Float32, shape);
            random.NextNormal(sample.Span<float>());
            foreach (ref float value in sample.Span<float>())
            {
                value *= scheduler.InitialNoiseSigma;
            }

            ISamplingRun run = scheduler.Start(sample.Span<float>(), random);
            while (!run.IsDone)
            {
                Evaluation evaluation = run.Next;
                Preconditioning.ToInput(evaluation.Sample.Span, evaluation.Sigma, scaled.Span<float>());
                IReadOnlyList<TensorBuffer> predictions = unet.Predict(scaled, evaluation.Timestep, conditions, cancellationToken);
                Span<float> output = predictions[^1].Span<float>();
                if (predictions.Count == 2)
                {
                    Guide(predictions[0].Span<float>(), output, guidance);
                }

                Preconditioning.ToDenoised(Configuration.NoiseSchedule.PredictionType, evaluation.Sample.Span, evaluation.Sigma, output);
                int before = run.Step;
                run.Continue(output);
                if (run.Step > before)
                {
                    progress?.Report(new PipelineProgress(PipelineStage.Denoising, (image * steps) + run.Step, stepCount));
                }
            }

            run.Result.Span.CopyTo(sample.Span<float>());
            latents.Add(sample);
        }

        statistics.Add(unet.Statistics);
        return latents;
    }

    private List<RgbImage> Decode(
        List<TensorBuffer> latents, IProgress<PipelineProgress>? progress, List<StageStatistics> statistics, CancellationToken cancellationToken)
    {
        progress?.Report(new PipelineProgress(PipelineStage.Decoding, 0, latents.Count));
        using VaeDecoder decoder = new(Configuration.VaeDecoderPath, Configuration.Files, _sessionOptions(PipelineStage.Decoding));
        List<RgbImage> images = [];
        foreach (TensorBuffer latent in latents)
        {
            TensorBuffer scaled = TensorBuffer.Create<float>(latent.Span<float>(), latent.Shape.Dimensions);
            foreach (ref float value in scaled.Span<float>())
            {
                value /= Configuration.ScalingFactor;
            }

            TensorBuffer planes = decoder.Decode(scaled, cancellationToken);
            images.Add(RgbImage.FromPlanes(
                planes.Span<float>(), checked((int)planes.Shape[3]), checked((int)planes.Shape[2]), Configuration.OutputMinimum, Configuration.OutputMaximum));
            progress?.Report(new PipelineProgress(PipelineStage.Decoding, images.Count, latents.Count));
        }

        statistics.Add(decoder.Statistics);
        return images;
    }

    /// <summary>Classifier-free guidance (Ho and Salimans 2022, https://arxiv.org/abs/2207.12598): away from one prediction, beyond the other.</summary>
    private static void Guide(ReadOnlySpan<float> unconditional, Span<float> conditional, float scale)
    {
        for (int i = 0; i < conditional.Length; i++)
        {
            conditional[i] = unconditional[i] + (scale * (conditional[i] - unconditional[i]));
        }
    }
}
