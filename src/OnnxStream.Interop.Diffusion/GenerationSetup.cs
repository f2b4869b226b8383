using OnnxStream.Interop.Diffusion.Adapters;
using OnnxStream.Interop.Diffusion.Prompts;
using OnnxStream.Interop.Diffusion.Schedulers;

namespace OnnxStream.Interop.Diffusion;

/// <summary>What a generation will do: all that is decided, and refused, before any model computes. It has the UNET and the ControlNet read.</summary>
internal sealed class GenerationSetup : IDisposable
{
    /// <summary>Decides.</summary>
    /// <param name="configuration">The model.</param>
    /// <param name="options">What is asked for.</param>
    /// <exception cref="ArgumentException">An option makes no sense, or does not fit the model.</exception>
    /// <exception cref="OnnxStreamException">A model cannot be used, or the folder lacks one that the options need.</exception>
    public GenerationSetup(PipelineConfiguration configuration, GenerationOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        Configuration = configuration;
        Check(options);
        Description = LoraTags.Describe(options);
        Options = options = LoraTags.Resolve(options);
        int steps = options.Steps ?? configuration.RecommendedSteps;
        ArgumentOutOfRangeException.ThrowIfLessThan(steps, 1, nameof(options));
        ArgumentOutOfRangeException.ThrowIfGreaterThan(steps, configuration.NoiseSchedule.TrainingTimesteps, nameof(options));
        Guidance = options.GuidanceScale ?? configuration.RecommendedGuidanceScale;
        if (!float.IsFinite(Guidance))
        {
            throw new ArgumentOutOfRangeException(nameof(options), Guidance, "The guidance scale should be a finite number.");
        }

        Sampling = options.Scheduler ?? configuration.RecommendedScheduler;
        if (Sampling.Schedule == SigmaSchedule.AlignYourSteps && configuration.TextEncoder2Path is not null)
        {
            Sampling = Sampling with { Schedule = SigmaSchedule.AlignYourStepsXl };
        }

        IScheduler scheduler = Sampling.Create(configuration.NoiseSchedule, steps);
        int firstStep = options.Image is null ? 0 : steps - Math.Min((int)(steps * options.Strength), steps);
        if (firstStep == steps)
        {
            throw new ArgumentOutOfRangeException(nameof(options), options.Strength, $"A strength of {options.Strength} leaves no step of {steps} to take; expected at least {1.0 / steps:0.####}.");
        }

        ModelAdapters.Check(options.Adapters, configuration.TextEncoder2Path is not null);
        Unet = OpenUnet();
        try
        {
            ControlNet = ReadControlNet(options, Unet);
            Shape shape = ChooseShape(options, Unet);
            IsInpainting = CheckFit(options, Unet, shape);
            First = new SamplingPass(scheduler, firstStep, shape);
            Second = options.Hires is { } hires ? ReadHires(hires) : null;
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    /// <summary>The model.</summary>
    public PipelineConfiguration Configuration { get; }

    /// <summary>What is asked for, with the LoRAs that prompts name.</summary>
    public GenerationOptions Options { get; }

    /// <summary>The prompt as files of pictures have it.</summary>
    public string Description { get; }

    /// <summary>How strongly the prompt is followed.</summary>
    public float Guidance { get; }

    /// <summary>The sampler and its schedule.</summary>
    public SchedulerOptions Sampling { get; }

    /// <summary>The UNET.</summary>
    public Unet Unet { get; private set; }

    /// <summary>The ControlNet; null where there is no control picture.</summary>
    public ControlNet? ControlNet { get; private set; }

    /// <summary>Whether the UNET is one for inpainting.</summary>
    public bool IsInpainting { get; }

    /// <summary>The way from noise to a picture.</summary>
    public SamplingPass First { get; }

    /// <summary>The way of the second, larger drawing (<see cref="GenerationOptions.Hires"/>); null where there is none.</summary>
    public SamplingPass? Second { get; }

    /// <summary>The steps of a picture in all.</summary>
    public int StepsTaken => First.Taken + (Second?.Taken ?? 0);

    /// <summary>Whether the negative prompt has influence.</summary>
    public bool HasNegative => Guidance != 1 && Unet.TimestepConditionWidth is null;

    /// <summary>Reads the models again that <see cref="Dispose"/> has closed.</summary>
    public void Reopen()
    {
        Unet = OpenUnet();
        ControlNet = ReadControlNet(Options, Unet);
    }

    /// <summary>The control picture of a way; null where there is none.</summary>
    public RgbImage? ControlImage(SamplingPass pass)
    {
        int height = checked((int)pass.Shape[2]) * Configuration.PixelsPerLatent, width = checked((int)pass.Shape[3]) * Configuration.PixelsPerLatent;
        return Options.ControlImage is not { } image || (image.Width == width && image.Height == height) ? Options.ControlImage : image.Resize(width, height);
    }

    private Unet OpenUnet()
    {
        Unet unet = new(Configuration.UnetPath, Configuration.Files, Configuration.Adaptation(PipelineComponent.Unet, Options.Adapters));
        try
        {
            if (Options.CacheInterval > 1)
            {
                unet.OpenUpper();
            }

            return unet;
        }
        catch
        {
            unet.Dispose();
            throw;
        }
    }

    /// <summary>For SDXL, what goes with the text: sizes in pixels; null for others.</summary>
    /// <param name="pass">Whose pictures.</param>
    public TensorBuffer? TimeIds(SamplingPass pass)
    {
        int height = checked((int)pass.Shape[2]) * Configuration.PixelsPerLatent, width = checked((int)pass.Shape[3]) * Configuration.PixelsPerLatent;
        return Unet.TakesTextEmbedding ? TensorBuffer.Create<float>([height, width, 0, 0, height, width], 1, 6) : null;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        Unet.Dispose();
        ControlNet?.Dispose();
    }

    private void Check(GenerationOptions options)
    {
        ArgumentNullException.ThrowIfNull(options.Prompt, nameof(options));
        ArgumentNullException.ThrowIfNull(options.NegativePrompt, nameof(options));
        ArgumentOutOfRangeException.ThrowIfLessThan(options.ImageCount, 1, nameof(options));
        ArgumentOutOfRangeException.ThrowIfLessThan(options.ClipSkip, 1, nameof(options));
        ArgumentOutOfRangeException.ThrowIfLessThan(options.PreviewInterval, 1, nameof(options));
        ArgumentOutOfRangeException.ThrowIfLessThan(options.CacheInterval, 1, nameof(options));
        ArgumentOutOfRangeException.ThrowIfLessThan(options.SaveInterval, 1, nameof(options));
        if (options.Resume is { } states && (states.Count != options.ImageCount || options.Seed is null))
        {
            throw new ArgumentException($"A generation goes on with its seed and a state for each of its pictures; there are {states.Count} states for {options.ImageCount} pictures{(options.Seed is null ? ", and no seed" : "")}.", nameof(options));
        }

        // A state is that of one drawing, without what deep layers made.
        if ((options.Save ?? (object?)options.Resume) is not null && (options.Hires is not null || options.CacheInterval > 1))
        {
            throw new ArgumentException($"A generation with {(options.Hires is not null ? "hires fix" : "deep layers that are reused")} cannot be saved to go on later.", nameof(options));
        }

        CheckPart(options.GuidanceRescale, "The guidance rescale");
        CheckPart(options.GuidanceStart, "The start of guidance");
        CheckPart(options.GuidanceEnd, "The end of guidance");
        CheckPart(options.Strength, "The strength");
        ArgumentNullException.ThrowIfNull(options.Tiling, nameof(options));
        options.Tiling.Check(Configuration.PixelsPerLatent);
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
        if ((unet.LatentHeight ?? shape[2]) != shape[2] || (unet.LatentWidth ?? shape[3]) != shape[3])
        {
            throw WrongSize("UNET", Configuration.UnetPath, unet.LatentHeight, unet.LatentWidth, shape);
        }

        CheckDecoder(shape);
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

        if (options.Image is not null)
        {
            CheckEncoder("a picture was given", shape);
        }

        return isInpainting;
    }

    private SamplingPass ReadHires(HiresFix hires)
    {
        if (!(hires.Scale > 1 && hires.Scale <= HiresFix.MostScale))
        {
            throw new ArgumentOutOfRangeException(nameof(GenerationOptions.Hires), hires.Scale, $"The scale of hires fix should be more than 1 and at most {HiresFix.MostScale}.");
        }

        if (!(hires.Strength > 0 && hires.Strength <= 1))
        {
            throw new ArgumentOutOfRangeException(nameof(GenerationOptions.Hires), hires.Strength, "The strength of hires fix should be more than 0 and at most 1.");
        }

        if (Options.Image is not null)
        {
            throw new ArgumentException("Hires fix makes a picture of text larger, and a picture to begin with was given: ask for the larger size instead.", nameof(GenerationOptions.Hires));
        }

        // So many steps are taken, as the last ones of a schedule that is longer by what the strength leaves out; decimal, since 0.8 is meant.
        double part = Math.Min((double)(decimal)hires.Strength, 0.999);
        int taken = hires.Steps ?? First.Steps, steps = (int)Math.Min(taken / part, int.MaxValue);
        if (taken < 1 || steps > Configuration.NoiseSchedule.TrainingTimesteps)
        {
            throw new ArgumentOutOfRangeException(
                nameof(GenerationOptions.Hires), taken,
                $"The steps of hires fix should be at least 1, and with its strength of {hires.Strength} at most {Math.Max(1, (int)(Configuration.NoiseSchedule.TrainingTimesteps * part))}.");
        }

        Shape shape = First.Shape.With(2, (long)(First.Shape[2] * hires.Scale)).With(3, (long)(First.Shape[3] * hires.Scale));
        if (Unet.LatentHeight is not null || Unet.LatentWidth is not null)
        {
            throw WrongSize("UNET", Configuration.UnetPath, Unet.LatentHeight, Unet.LatentWidth, shape);
        }

        CheckDecoder(shape);
        if (hires.UpscalerPath is not null)
        {
            CheckEncoder("hires fix with a network encodes what that makes", shape);
            using Upscaler upscaler = new(hires.UpscalerPath);
        }

        return new SamplingPass(Sampling.Create(Configuration.NoiseSchedule, steps), steps - taken, shape);
    }

    // What is larger than the only size of a decoder is decoded in tiles.
    private void CheckDecoder(Shape shape)
    {
        using VaeDecoder decoder = new(Configuration.VaeDecoderPath, Configuration.Files);
        (long Height, long Width) decoded = (decoder.LatentHeight ?? shape[2], decoder.LatentWidth ?? shape[3]);
        if (Options.Tiling.Mode == VaeTilingMode.Off ? decoded != (shape[2], shape[3]) : decoded.Height > shape[2] || decoded.Width > shape[3])
        {
            throw WrongSize("VAE decoder", Configuration.VaeDecoderPath, decoder.LatentHeight, decoder.LatentWidth, shape);
        }
    }

    private ArgumentException WrongSize(string what, string path, int? modelHeight, int? modelWidth, Shape shape)
    {
        int pixels = Configuration.PixelsPerLatent;
        return new ArgumentException(
            $"The {what} {path} is made for pictures of {(modelWidth ?? shape[3]) * pixels}x{(modelHeight ?? shape[2]) * pixels} alone; {shape[3] * pixels}x{shape[2] * pixels} was asked for.", nameof(Options));
    }

    /// <summary>Refuses a folder that has no encoder for pictures of this size.</summary>
    private void CheckEncoder(string why, Shape shape)
    {
        if (Configuration.VaeEncoderPath is not { } path)
        {
            throw new ModelFormatException(Configuration.VaeDecoderPath, $"{why}, and the model's folder has no vae_encoder/model.onnx.");
        }

        using VaeEncoder encoder = new(path, Configuration.Files);
        long height = shape[2] * Configuration.PixelsPerLatent, width = shape[3] * Configuration.PixelsPerLatent;
        (long Height, long Width) encoded = (encoder.Height ?? height, encoder.Width ?? width);
        if (Options.Tiling.Mode == VaeTilingMode.Off ? encoded != (height, width) : encoded.Height > height || encoded.Width > width)
        {
            throw new ArgumentException($"The VAE encoder {path} is made for pictures of {encoded.Width}x{encoded.Height} alone; {width}x{height} was asked for.", nameof(GenerationOptions.Image));
        }
    }
}
