using System.Diagnostics;
using OnnxStream.Interop.Diffusion.Adapters;
using OnnxStream.Interop.Diffusion.Prompts;
using OnnxStream.Interop.Diffusion.RandomSources;
using OnnxStream.Interop.Diffusion.Schedulers;
using OnnxStream.Interop.Pipelines;

namespace OnnxStream.Interop.Diffusion;

/// <summary>Text to image: encodes prompts, turns noise into latents, decodes them.</summary>
/// <remarks>
/// Only one of the models is open at a time: each stage opens its own, does its work for all pictures, and closes it before the next
/// begins (a ControlNet and a tiny decoder for previews are open together with the UNET). Between generations nothing is held but
/// tokenizers. Several generations may run at once.
/// </remarks>
public sealed class StableDiffusionPipeline
{
    private readonly Func<PipelineStage, SessionOptions?> _sessionOptions;
    private readonly PromptEncoder _promptEncoder;

    /// <summary>Makes a pipeline of a model.</summary>
    /// <param name="configuration">The model.</param>
    /// <param name="sessionOptions">How the sessions of all stages compute; null for the defaults.</param>
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
        _promptEncoder = new PromptEncoder(configuration, sessionOptions);
    }

    /// <summary>Makes a pipeline of the model in a folder.</summary>
    /// <param name="folder">The folder, in one of the layouts that <see cref="PipelineConfiguration"/> lists.</param>
    /// <param name="sessionOptions">How the sessions of all stages compute; null for the defaults.</param>
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
    /// <exception cref="ArgumentException">An option makes no sense, or does not fit the model.</exception>
    /// <exception cref="OnnxStreamException">A model cannot be used, or the folder lacks one that the options need.</exception>
    /// <exception cref="OperationCanceledException">It was cancelled.</exception>
    public GenerationResult Generate(
        GenerationOptions options, IProgress<PipelineProgress>? progress = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(options);
        Check(options);
        string described = LoraTags.Describe(options);
        options = LoraTags.Resolve(options);
        int steps = options.Steps ?? Configuration.RecommendedSteps;
        ArgumentOutOfRangeException.ThrowIfLessThan(steps, 1, nameof(options));
        ArgumentOutOfRangeException.ThrowIfGreaterThan(steps, Configuration.NoiseSchedule.TrainingTimesteps, nameof(options));
        float guidance = options.GuidanceScale ?? Configuration.RecommendedGuidanceScale;
        if (!float.IsFinite(guidance))
        {
            throw new ArgumentOutOfRangeException(nameof(options), guidance, "The guidance scale should be a finite number.");
        }

        long start = Stopwatch.GetTimestamp();
        long seed = options.Seed ?? Random.Shared.NextInt64(1L << 32);
        SchedulerOptions sampling = options.Scheduler ?? Configuration.RecommendedScheduler;
        if (sampling.Schedule == SigmaSchedule.AlignYourSteps && Configuration.TextEncoder2Path is not null)
        {
            sampling = sampling with { Schedule = SigmaSchedule.AlignYourStepsXl };
        }

        IScheduler scheduler = sampling.Create(Configuration.NoiseSchedule, steps);
        int firstStep = options.Image is null ? 0 : steps - Math.Min((int)(steps * options.Strength), steps);
        if (firstStep == steps)
        {
            throw new ArgumentOutOfRangeException(nameof(options), options.Strength, $"A strength of {options.Strength} leaves no step of {steps} to take; expected at least {1.0 / steps:0.####}.");
        }

        ModelAdapters.Check(options.Adapters, Configuration.TextEncoder2Path is not null);
        using Unet unet = new(Configuration.UnetPath, Configuration.Files, Configuration.Adaptation(PipelineComponent.Unet, options.Adapters));
        using ControlNet? controlNet = ReadControlNet(options, unet);
        Shape shape = ChooseShape(options, unet);
        bool isInpainting = CheckFit(options, unet, shape);
        int width = checked((int)shape[3]) * Configuration.PixelsPerLatent, height = checked((int)shape[2]) * Configuration.PixelsPerLatent;

        List<StageStatistics> statistics = [];
        TensorBuffer? timeIds = unet.TakesTextEmbedding ? TensorBuffer.Create<float>([height, width, 0, 0, height, width], 1, 6) : null;
        progress?.Report(new PipelineProgress(PipelineStage.TextEncoding, 0, 1));
        EncodedPrompts prompts = _promptEncoder.Encode(options, steps, guidance != 1 && unet.TimestepConditionWidth is null, unet, timeIds, statistics, cancellationToken);
        progress?.Report(new PipelineProgress(PipelineStage.TextEncoding, 1, 1));

        InpaintingMask? mask = options.Mask is null ? null : new InpaintingMask(options.Mask, options.MaskBlur);
        GivenPicture? given = options.Image is null ? null : Encode(options.Image, mask, isInpainting, progress, statistics, cancellationToken);
        List<TensorBuffer> latents = Denoise(options, unet, controlNet, prompts, given, guidance, seed, scheduler, firstStep, shape, progress, statistics, cancellationToken);
        List<RgbImage> pictures = Decode(latents, progress, statistics, cancellationToken);

        List<GeneratedImage> images = [];
        for (int i = 0; i < pictures.Count; i++)
        {
            RgbImage picture = mask is null ? pictures[i] : mask.Compose(options.Image!, pictures[i]);
            images.Add(new GeneratedImage(picture, latents[i], new GenerationParameters
            {
                Prompt = described,
                NegativePrompt = options.NegativePrompt,
                Steps = steps,
                Sampler = scheduler.Name,
                Schedule = scheduler.ScheduleName,
                GuidanceScale = guidance,
                Seed = unchecked(seed + i),
                Width = picture.Width,
                Height = picture.Height,
                Model = Configuration.Name,
                RandomSource = options.RandomSourceType,
                Strength = options.Image is null ? null : options.Strength,
                GuidanceRescale = options.GuidanceRescale,
                ClipSkip = options.ClipSkip,
                Eta = sampling.Eta,
            }));
        }

        return new GenerationResult(images, statistics, Stopwatch.GetElapsedTime(start), prompts.DroppedTokenCount);
    }

    /// <summary>Decodes latents that were kept: the last stage alone.</summary>
    /// <param name="latents">The latents of a picture or several, <c>[pictures, channels, height, width]</c>, as <see cref="GeneratedImage.Latents"/> has them.</param>
    /// <param name="progress">Receives a report before the first picture and after each; null for none.</param>
    /// <param name="cancellationToken">Cancels between operators.</param>
    /// <exception cref="ArgumentException">They are no latents of the model.</exception>
    public IReadOnlyList<RgbImage> Decode(TensorBuffer latents, IProgress<PipelineProgress>? progress = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(latents);
        if (latents.ElementType != ElementType.Float32 || latents.Shape.Rank != 4 || latents.Shape[1] != Configuration.LatentChannels || latents.Shape.ElementCount == 0)
        {
            throw new ArgumentException($"The latents are {latents.Type}; expected float[pictures,{Configuration.LatentChannels},height,width].", nameof(latents));
        }

        return Decode([.. Enumerable.Range(0, checked((int)latents.Shape[0])).Select(i => TensorBatch.Item(latents, i))], progress, [], cancellationToken);
    }

    /// <summary>The number of tokens of a prompt.</summary>
    internal int CountTokens(string prompt) => _promptEncoder.CountTokens(prompt);

    private static void Check(GenerationOptions options)
    {
        ArgumentNullException.ThrowIfNull(options.Prompt, nameof(options));
        ArgumentNullException.ThrowIfNull(options.NegativePrompt, nameof(options));
        ArgumentOutOfRangeException.ThrowIfLessThan(options.ImageCount, 1, nameof(options));
        ArgumentOutOfRangeException.ThrowIfLessThan(options.ClipSkip, 1, nameof(options));
        ArgumentOutOfRangeException.ThrowIfLessThan(options.PreviewInterval, 1, nameof(options));
        ArgumentOutOfRangeException.ThrowIfLessThan(options.SaveInterval, 1, nameof(options));
        if (options.Resume is { } states && (states.Count != options.ImageCount || options.Seed is null))
        {
            throw new ArgumentException($"A generation goes on with its seed and a state for each of its pictures; there are {states.Count} states for {options.ImageCount} pictures{(options.Seed is null ? ", and no seed" : "")}.", nameof(options));
        }

        CheckPart(options.GuidanceRescale, "The guidance rescale");
        CheckPart(options.GuidanceStart, "The start of guidance");
        CheckPart(options.GuidanceEnd, "The end of guidance");
        CheckPart(options.Strength, "The strength");
        if (!(options.MaskBlur >= 0) || options.MaskBlur > 1000)
        {
            throw new ArgumentOutOfRangeException(nameof(options), options.MaskBlur, "The blur of the mask should be from 0 to 1000 pixels.");
        }

        if (options.Mask is { } mask && (options.Image is not { } image || image.Width != mask.Width || image.Height != mask.Height))
        {
            throw new ArgumentException(
                options.Image is null ? "A mask needs the picture that it is for." : $"The mask has {mask.Width}x{mask.Height} pixels, the picture {options.Image.Width}x{options.Image.Height}.", nameof(options));
        }

        static void CheckPart(float value, string what)
        {
            if (!(value >= 0 && value <= 1))
            {
                throw new ArgumentOutOfRangeException(nameof(options), value, $"{what} should be from 0 to 1.");
            }
        }
    }

    private ControlNet? ReadControlNet(GenerationOptions options, Unet unet)
    {
        if (options.ControlImage is null)
        {
            return unet.ResidualCount == 0 ? null : throw new ArgumentException("The UNET takes what a ControlNet gives: a control picture is needed.", nameof(options));
        }

        if (Configuration.ControlNetPath is not { } path)
        {
            throw new ModelFormatException(Configuration.UnetPath, "a control picture was given, and the model's folder has no controlnet/model.onnx.");
        }

        ControlNet controlNet = new(path, Configuration.Files);
        if (controlNet.ResidualCount == unet.ResidualCount)
        {
            return controlNet;
        }

        int count = controlNet.ResidualCount;
        controlNet.Dispose();
        throw new ModelFormatException(path, $"the ControlNet gives {count} residuals, the UNET takes {unet.ResidualCount}; the two do not belong together.");
    }

    // What a square of 512 pixels needs, if neither the options, the configuration nor the model say it.
    private Shape ChooseShape(GenerationOptions options, Unet unet)
    {
        const int UsualSize = 64;
        int? height = options.Height ?? options.Image?.Height, width = options.Width ?? options.Image?.Width;
        int pixels = Configuration.PixelsPerLatent;
        foreach ((int? size, string what) in ((int?, string)[])[(height, "height"), (width, "width")])
        {
            if (size is { } number && (number < pixels || number % pixels != 0))
            {
                throw new ArgumentOutOfRangeException(nameof(options), number, $"The {what} should be a multiple of {pixels} pixels.");
            }
        }

        return new Shape(
            1,
            Configuration.LatentChannels,
            height / pixels ?? unet.LatentHeight ?? Configuration.LatentHeight ?? UsualSize,
            width / pixels ?? unet.LatentWidth ?? Configuration.LatentWidth ?? UsualSize);
    }

    /// <summary>Refuses what the models cannot do, before any of them is opened; says whether the UNET is one for inpainting.</summary>
    private bool CheckFit(GenerationOptions options, Unet unet, Shape shape)
    {
        int pixels = Configuration.PixelsPerLatent;
        using VaeDecoder decoder = new(Configuration.VaeDecoderPath, Configuration.Files);
        foreach ((string what, string path, int? modelHeight, int? modelWidth) in ((string, string, int?, int?)[])
            [("UNET", Configuration.UnetPath, unet.LatentHeight, unet.LatentWidth), ("VAE decoder", Configuration.VaeDecoderPath, decoder.LatentHeight, decoder.LatentWidth)])
        {
            if ((modelHeight ?? shape[2]) != shape[2] || (modelWidth ?? shape[3]) != shape[3])
            {
                throw new ArgumentException(
                    $"The {what} {path} is made for pictures of {(modelWidth ?? shape[3]) * pixels}x{(modelHeight ?? shape[2]) * pixels} alone; {shape[3] * pixels}x{shape[2] * pixels} was asked for.", nameof(options));
            }
        }

        foreach ((RgbImage? image, string what) in ((RgbImage?, string)[])[(options.Image, "picture"), (options.ControlImage, "control picture")])
        {
            if (image is not null && (image.Width != shape[3] * pixels || image.Height != shape[2] * pixels))
            {
                throw new ArgumentException($"The {what} has {image.Width}x{image.Height} pixels; {shape[3] * pixels}x{shape[2] * pixels} was asked for.", nameof(options));
            }
        }

        if (unet.TakesTextEmbedding != (Configuration.TextEncoder2Path is not null))
        {
            throw new ModelFormatException(
                Configuration.UnetPath,
                unet.TakesTextEmbedding ? "the UNET is one of SDXL, and the model's folder has no text_encoder_2/model.onnx." : "the model's folder has a second text encoder as SDXL, but the UNET takes no text_embeds.");
        }

        int channels = unet.LatentChannels ?? Configuration.LatentChannels;
        bool isInpainting = channels == (2 * Configuration.LatentChannels) + 1;
        if (!isInpainting && channels != Configuration.LatentChannels)
        {
            throw new ModelFormatException(
                Configuration.UnetPath, $"the UNET takes {channels} channels, latents have {Configuration.LatentChannels}; supported are as many, and {(2 * Configuration.LatentChannels) + 1} for inpainting.");
        }

        if (isInpainting && options.Mask is null)
        {
            throw new ArgumentException("The UNET is one for inpainting: a picture and a mask are needed.", nameof(options));
        }

        return options.Image is not null && Configuration.VaeEncoderPath is null
            ? throw new ModelFormatException(Configuration.VaeDecoderPath, "a picture was given, and the model's folder has no vae_encoder/model.onnx.")
            : isInpainting;
    }

    private GivenPicture Encode(
        RgbImage image, InpaintingMask? mask, bool isInpainting, IProgress<PipelineProgress>? progress, List<StageStatistics> statistics, CancellationToken cancellationToken)
    {
        int count = isInpainting ? 2 : 1;
        progress?.Report(new PipelineProgress(PipelineStage.ImageEncoding, 0, count));
        using VaeEncoder encoder = new(Configuration.VaeEncoderPath!, Configuration.Files, _sessionOptions(PipelineStage.ImageEncoding), Configuration.Adaptation(PipelineComponent.VaeEncoder, []));
        float[] planes = image.ToPlanes(Configuration.OutputMinimum, Configuration.OutputMaximum);
        float[] latents = Run(planes, 1);
        float[]? latentMask = mask?.ToLatents(Configuration.PixelsPerLatent);
        float[] extra = isInpainting ? [.. latentMask!, .. Run(mask!.Hide(planes), 2)] : [];
        statistics.Add(encoder.Statistics);
        return new GivenPicture(latents, latentMask, extra);

        float[] Run(float[] pixels, int number)
        {
            TensorBuffer encoded = encoder.Encode(TensorBuffer.Create<float>(pixels, 1, 3, image.Height, image.Width), Configuration.LatentChannels, cancellationToken);
            progress?.Report(new PipelineProgress(PipelineStage.ImageEncoding, number, count));
            return Array.ConvertAll(encoded.Span<float>().ToArray(), value => value * Configuration.ScalingFactor);
        }
    }

    private List<TensorBuffer> Denoise(
        GenerationOptions options,
        Unet unet,
        ControlNet? controlNet,
        EncodedPrompts prompts,
        GivenPicture? given,
        float guidance,
        long seed,
        IScheduler scheduler,
        int firstStep,
        Shape shape,
        IProgress<PipelineProgress>? progress,
        List<StageStatistics> statistics,
        CancellationToken cancellationToken)
    {
        int steps = scheduler.Timesteps.Count, taken = steps - firstStep;
        int stepCount = checked(taken * options.ImageCount);
        progress?.Report(new PipelineProgress(PipelineStage.Denoising, 0, stepCount));
        unet.Prepare(_sessionOptions(PipelineStage.Denoising), options.ImageCount * (prompts.Negative.Count > 0 ? 2 : 1));
        controlNet?.Prepare(_sessionOptions(PipelineStage.Denoising));
        TensorBuffer? controlPicture = options.ControlImage is { } control ? TensorBuffer.Create<float>(control.ToPlanes(0, 1), 1, 3, control.Height, control.Width) : null;
        GuidedDenoiser denoiser = new(Configuration, options, unet, controlNet, prompts, given, controlPicture, guidance, steps, shape);
        using VaeDecoder? previewer = options.Preview is not null && Configuration.TinyDecoderPath is { } path
            ? new VaeDecoder(path, Configuration.Files, _sessionOptions(PipelineStage.Decoding))
            : null;
        ISamplingRun[] runs = [.. Enumerable.Range(0, options.ImageCount).Select(image => Begin(options, image, unchecked(seed + image), scheduler, given, firstStep, shape))];

        // All pictures go step by step together: the UNET's weights are streamed once for all of them.
        int done = runs.Sum(run => run.Step - firstStep);
        while (Array.FindAll(runs, run => !run.IsDone) is { Length: > 0 } open)
        {
            float[][] denoised = denoiser.Denoise([.. open.Select(run => (run.Next, run.Step))], cancellationToken);
            for (int i = 0; i < open.Length; i++)
            {
                ISamplingRun run = open[i];
                int before = run.Step;
                run.Continue(denoised[i]);
                if (run.Step > before)
                {
                    progress?.Report(new PipelineProgress(PipelineStage.Denoising, ++done, stepCount));
                    if (options.Preview is not null && ((run.Step - firstStep) % options.PreviewInterval == 0 || run.IsDone))
                    {
                        options.Preview(new GenerationPreview(Draw(denoised[i], shape, previewer, cancellationToken), Array.IndexOf(runs, run), run.Step - firstStep, taken, run.Save()));
                    }

                    // The last of the pictures takes the step: all stand at its end.
                    if (options.Save is not null && i == open.Length - 1 && !run.IsDone && (run.Step - firstStep) % options.SaveInterval == 0)
                    {
                        options.Save([.. runs.Select(each => each.Save())]);
                    }
                }
            }
        }

        List<TensorBuffer> latents = [];
        foreach (ISamplingRun run in runs)
        {
            TensorBuffer sample = TensorBuffer.Create(run.Result.Span, shape.Dimensions);
            given?.Keep(sample.Span<float>());
            latents.Add(sample);
        }

        statistics.Add(unet.Statistics);
        if (controlNet is not null)
        {
            statistics.Add(controlNet.Statistics);
        }

        return latents;
    }

    private static ISamplingRun Begin(GenerationOptions options, int image, long seed, IScheduler scheduler, GivenPicture? given, int firstStep, Shape shape)
    {
        IRandomSource random = options.RandomSource?.Invoke(seed) ?? (options.RandomSourceType == RandomSourceType.Torch
            ? new TorchRandomSource(unchecked((ulong)seed))
            : new PhiloxRandomSource(unchecked((ulong)seed)));
        float[] sample = new float[shape.ElementCount];
        Begin(sample, random, scheduler, given, firstStep);
        if (options.Resume is not { } states)
        {
            return scheduler.Start(sample, random, firstStep);
        }

        SamplingState state = states[image];
        return state.FirstStep == firstStep && state.Sample.Length == sample.Length
            ? scheduler.Resume(state, random)
            : throw new ArgumentException($"The state has {state.Sample.Length} numbers and began with step {state.FirstStep}; this generation has {sample.Length} and begins with step {firstStep}. They are not of the same options.", nameof(options));
    }

    // Noise, or a given picture with as much of it as the first step begins with.
    private static void Begin(Span<float> sample, IRandomSource random, IScheduler scheduler, GivenPicture? given, int firstStep)
    {
        random.NextNormal(sample);
        bool isNoise = given is null || (given.ExtraChannels.Length > 0 && firstStep == 0);
        float sigma = isNoise ? scheduler.InitialNoiseSigma : (float)scheduler.Sigmas[firstStep];
        for (int i = 0; i < sample.Length; i++)
        {
            sample[i] = (sample[i] * sigma) + (isNoise ? 0 : given!.Latents[i]);
        }
    }

    private RgbImage Draw(float[] denoised, Shape shape, VaeDecoder? previewer, CancellationToken cancellationToken)
    {
        int height = checked((int)shape[2]), width = checked((int)shape[3]);
        if (previewer is null)
        {
            return LatentPreview.Draw(denoised, Configuration.LatentChannels, height, width, Configuration);
        }

        // A tiny decoder takes latents as the UNET has them.
        TensorBuffer planes = previewer.Decode(TensorBuffer.Create<float>(denoised, shape.Dimensions), cancellationToken);
        return RgbImage.FromPlanes(planes.Span<float>(), checked((int)planes.Shape[3]), checked((int)planes.Shape[2]));
    }

    private List<RgbImage> Decode(
        List<TensorBuffer> latents, IProgress<PipelineProgress>? progress, List<StageStatistics> statistics, CancellationToken cancellationToken)
    {
        progress?.Report(new PipelineProgress(PipelineStage.Decoding, 0, latents.Count));
        using VaeDecoder decoder = new(Configuration.VaeDecoderPath, Configuration.Files, _sessionOptions(PipelineStage.Decoding), Configuration.Adaptation(PipelineComponent.VaeDecoder, []));
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
}
