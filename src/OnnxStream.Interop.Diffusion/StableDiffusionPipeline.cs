using System.Diagnostics;
using OnnxStream.Interop.Diffusion.Adapters;
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
        long start = Stopwatch.GetTimestamp();
        using GenerationSetup setup = new(Configuration, options);
        options = setup.Options;
        long seed = options.Seed ?? Random.Shared.NextInt64(1L << 32);
        List<StageStatistics> statistics = [];
        progress?.Report(new PipelineProgress(PipelineStage.TextEncoding, 0, 1));
        PromptLayout layout = _promptEncoder.Read(options, setup.First.Steps, setup.HasNegative, setup.Unet);
        EncodedPrompts prompts = _promptEncoder.Encode(layout, options, setup.Unet, setup.TimeIds(setup.First), statistics, cancellationToken);
        progress?.Report(new PipelineProgress(PipelineStage.TextEncoding, 1, 1));

        InpaintingMask? mask = options.Mask is null ? null : new InpaintingMask(options.Mask, options.MaskBlur);
        GivenPicture? given = options.Image is null ? null : Encode(setup, options.Image, mask, progress, statistics, cancellationToken);
        List<TensorBuffer> latents = Denoise(setup, setup.First, prompts, given, null, seed, progress, statistics, cancellationToken);
        if (setup.Second is { } second)
        {
            List<TensorBuffer> starts = Enlarge(setup, latents, second.Shape, progress, statistics, cancellationToken);
            setup.Reopen();
            latents = Denoise(setup, second, prompts.With(setup.TimeIds(second)), null, starts, seed, progress, statistics, cancellationToken);
        }

        List<RgbImage> pictures = Decode(latents, options.Tiling, progress, statistics, cancellationToken);

        List<GeneratedImage> images = [];
        for (int i = 0; i < pictures.Count; i++)
        {
            RgbImage picture = mask is null ? pictures[i] : mask.Compose(options.Image!, pictures[i]);
            images.Add(new GeneratedImage(picture, latents[i], new GenerationParameters
            {
                Prompt = setup.Description,
                NegativePrompt = options.NegativePrompt,
                Steps = setup.First.Steps,
                Sampler = setup.First.Scheduler.Name,
                Schedule = setup.First.Scheduler.ScheduleName,
                GuidanceScale = setup.Guidance,
                Seed = unchecked(seed + i),
                Width = checked((int)setup.First.Shape[3]) * Configuration.PixelsPerLatent,
                Height = checked((int)setup.First.Shape[2]) * Configuration.PixelsPerLatent,
                Model = Configuration.Name,
                RandomSource = options.RandomSourceType,
                Strength = options.Image is null ? options.Hires?.Strength : options.Strength,
                CacheInterval = options.CacheInterval,
                HiresScale = options.Hires?.Scale,
                HiresSteps = setup.Second?.Taken,
                HiresUpscaler = options.Hires?.UpscalerName,
                GuidanceRescale = options.GuidanceRescale,
                ClipSkip = options.ClipSkip,
                Eta = setup.Sampling.Eta,
            }));
        }

        return new GenerationResult(images, statistics, Stopwatch.GetElapsedTime(start), prompts.DroppedTokenCount);
    }

    /// <summary>Decodes latents that were kept: the last stage alone.</summary>
    /// <param name="latents">The latents of a picture or several, <c>[pictures, channels, height, width]</c>, as <see cref="GeneratedImage.Latents"/> has them.</param>
    /// <param name="progress">Receives a report before the first picture and after each; null for none.</param>
    /// <param name="cancellationToken">Cancels between operators.</param>
    /// <exception cref="ArgumentException">They are no latents of the model.</exception>
    public IReadOnlyList<RgbImage> Decode(TensorBuffer latents, IProgress<PipelineProgress>? progress = null, CancellationToken cancellationToken = default) =>
        Decode(latents, new VaeTiling(), progress, cancellationToken);

    /// <summary>Decodes latents that were kept, whole or in tiles.</summary>
    /// <param name="latents">The latents of a picture or several, <c>[pictures, channels, height, width]</c>, as <see cref="GeneratedImage.Latents"/> has them.</param>
    /// <param name="tiling">Whether they are decoded in tiles.</param>
    /// <param name="progress">Receives a report before the first picture and after each; null for none.</param>
    /// <param name="cancellationToken">Cancels between operators.</param>
    /// <exception cref="ArgumentException">They are no latents of the model, or the tiles make no sense.</exception>
    public IReadOnlyList<RgbImage> Decode(TensorBuffer latents, VaeTiling tiling, IProgress<PipelineProgress>? progress = null, CancellationToken cancellationToken = default)
    {
        CheckLatents(latents, tiling);
        return Decode([.. Enumerable.Range(0, checked((int)latents.Shape[0])).Select(i => TensorBatch.Item(latents, i))], tiling, progress, [], cancellationToken);
    }

    /// <summary>What <see cref="Generate"/> would do, and what it would need for that. Nothing is computed; what <see cref="Generate"/> would refuse before it begins is refused.</summary>
    /// <remarks>A budget that is too small is no error: <see cref="GenerationPlan.SmallestBudgetBytes"/> says what would do.</remarks>
    /// <param name="options">What to generate.</param>
    /// <exception cref="ArgumentException">An option makes no sense, or does not fit the model.</exception>
    /// <exception cref="OnnxStreamException">A model cannot be used, or the folder lacks one that the options need.</exception>
    public GenerationPlan Plan(GenerationOptions options)
    {
        using GenerationSetup setup = new(Configuration, options);
        return new GenerationPlanner(_promptEncoder, _sessionOptions).Plan(setup);
    }

    /// <summary>What <see cref="Decode(TensorBuffer, VaeTiling, IProgress{PipelineProgress}?, CancellationToken)"/> would do, and what it would need for that.</summary>
    /// <param name="latents">The latents.</param>
    /// <param name="tiling">Whether they would be decoded in tiles.</param>
    /// <inheritdoc cref="Decode(TensorBuffer, VaeTiling, IProgress{PipelineProgress}?, CancellationToken)" path="/exception"/>
    public GenerationPlan PlanDecoding(TensorBuffer latents, VaeTiling tiling)
    {
        CheckLatents(latents, tiling);
        (int pictures, int pixels) = (checked((int)latents.Shape[0]), Configuration.PixelsPerLatent);
        StagePlan stage = new GenerationPlanner(_promptEncoder, _sessionOptions).PlanDecoding(Configuration, latents.Shape.With(0, 1), pictures, tiling);
        return new GenerationPlan([stage], checked((int)latents.Shape[3]) * pixels, checked((int)latents.Shape[2]) * pixels, pictures, 0);
    }

    /// <summary>The number of tokens of a prompt.</summary>
    internal int CountTokens(string prompt) => _promptEncoder.CountTokens(prompt);

    private void CheckLatents(TensorBuffer latents, VaeTiling tiling)
    {
        ArgumentNullException.ThrowIfNull(tiling);
        tiling.Check(Configuration.PixelsPerLatent);
        ArgumentNullException.ThrowIfNull(latents);
        if (latents.ElementType != ElementType.Float32 || latents.Shape.Rank != 4 || latents.Shape[1] != Configuration.LatentChannels || latents.Shape.ElementCount == 0)
        {
            throw new ArgumentException($"The latents are {latents.Type}; expected float[pictures,{Configuration.LatentChannels},height,width].", nameof(latents));
        }

        using VaeDecoder decoder = new(Configuration.VaeDecoderPath, Configuration.Files);
        (long Height, long Width) size = (latents.Shape[2], latents.Shape[3]), decoded = (decoder.LatentHeight ?? size.Height, decoder.LatentWidth ?? size.Width);
        if (tiling.Mode == VaeTilingMode.Off ? decoded != size : decoded.Height > size.Height || decoded.Width > size.Width)
        {
            throw new ArgumentException($"The latents are {latents.Type}; the VAE decoder {Configuration.VaeDecoderPath} takes {decoded.Height}x{decoded.Width} of them alone.", nameof(latents));
        }
    }

    private GivenPicture Encode(
        GenerationSetup setup, RgbImage image, InpaintingMask? mask, IProgress<PipelineProgress>? progress, List<StageStatistics> statistics, CancellationToken cancellationToken)
    {
        int count = setup.IsInpainting ? 2 : 1;
        progress?.Report(new PipelineProgress(PipelineStage.ImageEncoding, 0, count));
        using EncodingStage encoding = OpenEncoder(setup, setup.First.Shape);
        float[] planes = image.ToPlanes(Configuration.OutputMinimum, Configuration.OutputMaximum);
        float[] latents = Run(planes, 1);
        float[]? latentMask = mask?.ToLatents(Configuration.PixelsPerLatent);
        float[] extra = setup.IsInpainting ? [.. latentMask!, .. Run(mask!.Hide(planes), 2)] : [];
        statistics.Add(encoding.Statistics);
        return new GivenPicture(latents, latentMask, extra);

        float[] Run(float[] pixels, int number)
        {
            float[] encoded = encoding.Encode(pixels, cancellationToken);
            progress?.Report(new PipelineProgress(PipelineStage.ImageEncoding, number, count));
            return encoded;
        }
    }

    private EncodingStage OpenEncoder(GenerationSetup setup, Shape shape) => new(Configuration, setup.Options.Tiling, shape, _sessionOptions(PipelineStage.ImageEncoding));

    private List<TensorBuffer> Denoise(
        GenerationSetup setup,
        SamplingPass pass,
        EncodedPrompts prompts,
        GivenPicture? given,
        List<TensorBuffer>? starts,
        long seed,
        IProgress<PipelineProgress>? progress,
        List<StageStatistics> statistics,
        CancellationToken cancellationToken)
    {
        (GenerationOptions options, Unet unet, ControlNet? controlNet) = (setup.Options, setup.Unet, setup.ControlNet);
        (IScheduler scheduler, int firstStep, Shape shape) = pass;
        int taken = pass.Taken, stepCount = checked(setup.StepsTaken * options.ImageCount);
        int finished = pass == setup.First ? 0 : setup.First.Taken * options.ImageCount;
        progress?.Report(new PipelineProgress(PipelineStage.Denoising, finished, stepCount));
        DenoisingOptions sessions = ShareBudget(setup, pass, prompts);
        unet.Prepare(sessions.Unet, options.ImageCount * (prompts.Negative.Count > 0 ? 2 : 1), sessions.Upper);
        controlNet?.Prepare(sessions.ControlNet);
        TensorBuffer? controlPicture = setup.ControlImage(pass) is { } control ? TensorBuffer.Create<float>(control.ToPlanes(0, 1), 1, 3, control.Height, control.Width) : null;
        GuidedDenoiser denoiser = new(Configuration, options, unet, controlNet, prompts, given, controlPicture, setup.Guidance, pass.Steps, setup.First.Steps, shape);
        using VaeDecoder? previewer = options.Preview is not null && Configuration.TinyDecoderPath is { } path ? new VaeDecoder(path, Configuration.Files, sessions.Preview) : null;
        ISamplingRun[] runs = [.. Enumerable.Range(0, options.ImageCount).Select(image => Begin(options, image, unchecked(seed + image), scheduler, given, starts?[image], firstStep, shape))];

        // All pictures go step by step together: the UNET's weights are streamed once for all of them.
        int done = finished + runs.Sum(run => run.Step - firstStep);
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
        if (unet.UpperStatistics is { } upper)
        {
            statistics.Add(upper);
        }

        if (controlNet is not null)
        {
            statistics.Add(controlNet.Statistics);
        }

        // Their memory is that of the next stage.
        setup.Dispose();
        return latents;
    }

    // How the models compute that are open together; all alike where there is no budget, or but one of them.
    private DenoisingOptions ShareBudget(GenerationSetup setup, SamplingPass pass, EncodedPrompts prompts)
    {
        bool hasPreviewer = setup.Options.Preview is not null && Configuration.TinyDecoderPath is not null;
        SessionOptions? options = _sessionOptions(PipelineStage.Denoising);
        if (options?.MemoryBudget is null || (setup.ControlNet is null && !hasPreviewer && setup.Options.CacheInterval == 1))
        {
            return new DenoisingOptions(options, options, options, hasPreviewer ? _sessionOptions(PipelineStage.Decoding) : null);
        }

        UnetCondition condition = prompts.Positive[0].Condition;
        return new GenerationPlanner(_promptEncoder, stage => stage == PipelineStage.Denoising ? options : _sessionOptions(stage))
            .PlanDenoising(setup, pass, condition.HiddenStates.Shape[1], condition.HiddenStates.Shape[2], condition.TextEmbedding?.Shape[1], prompts.Negative.Count > 0).Options;
    }

    private static ISamplingRun Begin(GenerationOptions options, int image, long seed, IScheduler scheduler, GivenPicture? given, TensorBuffer? start, int firstStep, Shape shape)
    {
        IRandomSource random = options.RandomSource?.Invoke(seed) ?? (options.RandomSourceType == RandomSourceType.Torch
            ? new TorchRandomSource(unchecked((ulong)seed))
            : new PhiloxRandomSource(unchecked((ulong)seed)));
        float[] sample = new float[shape.ElementCount];
        random.NextNormal(sample);

        // Noise alone, or what there is with as much of it as the first step begins with.
        bool isNoise = start is null && (given is null || (given.ExtraChannels.Length > 0 && firstStep == 0));
        ReadOnlySpan<float> begin = isNoise ? default : start is null ? given!.Latents : start.Span<float>();
        float sigma = isNoise ? scheduler.InitialNoiseSigma : (float)scheduler.Sigmas[firstStep];
        for (int i = 0; i < sample.Length; i++)
        {
            sample[i] = (sample[i] * sigma) + (isNoise ? 0 : begin[i]);
        }

        if (options.Resume is not { } states)
        {
            return scheduler.Start(sample, random, firstStep);
        }

        SamplingState state = states[image];
        return state.FirstStep == firstStep && state.Sample.Length == sample.Length
            ? scheduler.Resume(state, random)
            : throw new ArgumentException($"The state has {state.Sample.Length} numbers and began with step {state.FirstStep}; this generation has {sample.Length} and begins with step {firstStep}. They are not of the same options.", nameof(options));
    }

    // What the second drawing begins with.
    private List<TensorBuffer> Enlarge(
        GenerationSetup setup, List<TensorBuffer> latents, Shape shape, IProgress<PipelineProgress>? progress, List<StageStatistics> statistics, CancellationToken cancellationToken)
    {
        int height = checked((int)shape[2]), width = checked((int)shape[3]), pixels = Configuration.PixelsPerLatent;
        if (setup.Options.Hires!.UpscalerPath is not { } path)
        {
            return latents.ConvertAll(item => LatentStretch.Stretch(item, height, width));
        }

        List<RgbImage> pictures = Decode(latents, setup.Options.Tiling, progress, statistics, cancellationToken);
        progress?.Report(new PipelineProgress(PipelineStage.Upscaling, 0, pictures.Count));
        using (Upscaler upscaler = new(path, _sessionOptions(PipelineStage.Upscaling)))
        {
            for (int i = 0; i < pictures.Count; i++)
            {
                pictures[i] = upscaler.Upscale(pictures[i], progress: null, cancellationToken).Resize(width * pixels, height * pixels);
                progress?.Report(new PipelineProgress(PipelineStage.Upscaling, i + 1, pictures.Count));
            }

            statistics.Add(upscaler.Statistics);
        }

        List<TensorBuffer> starts = [];
        using EncodingStage encoding = OpenEncoder(setup, shape);
        foreach (RgbImage picture in pictures)
        {
            progress?.Report(new PipelineProgress(PipelineStage.ImageEncoding, starts.Count, pictures.Count));
            starts.Add(TensorBuffer.Create<float>(encoding.Encode(picture.ToPlanes(Configuration.OutputMinimum, Configuration.OutputMaximum), cancellationToken), shape.Dimensions));
        }

        progress?.Report(new PipelineProgress(PipelineStage.ImageEncoding, starts.Count, pictures.Count));
        statistics.Add(encoding.Statistics);
        return starts;
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
        List<TensorBuffer> latents, VaeTiling tiling, IProgress<PipelineProgress>? progress, List<StageStatistics> statistics, CancellationToken cancellationToken)
    {
        progress?.Report(new PipelineProgress(PipelineStage.Decoding, 0, latents.Count));
        SessionOptions? options = _sessionOptions(PipelineStage.Decoding);
        using VaeDecoder decoder = new(Configuration.VaeDecoderPath, Configuration.Files, Configuration.Adaptation(PipelineComponent.VaeDecoder, []));
        TileGrid tiles = decoder.ChooseTiles(tiling, latents[0].Shape, Configuration.PixelsPerLatent, options);
        decoder.Prepare(options);
        List<RgbImage> images = [];
        foreach (TensorBuffer latent in latents)
        {
            TensorBuffer scaled = TensorBuffer.Create<float>(latent.Span<float>(), latent.Shape.Dimensions);
            foreach (ref float value in scaled.Span<float>())
            {
                value /= Configuration.ScalingFactor;
            }

            TensorBuffer planes = decoder.Decode(scaled, tiles, cancellationToken);
            images.Add(RgbImage.FromPlanes(
                planes.Span<float>(), checked((int)planes.Shape[3]), checked((int)planes.Shape[2]), Configuration.OutputMinimum, Configuration.OutputMaximum));
            progress?.Report(new PipelineProgress(PipelineStage.Decoding, images.Count, latents.Count));
        }

        statistics.Add(decoder.Statistics);
        return images;
    }
}
