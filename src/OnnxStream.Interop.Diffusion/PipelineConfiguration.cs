using System.Text.Json;
using OnnxStream.Interop.Diffusion.Adapters;
using OnnxStream.Interop.Diffusion.Schedulers;
using OnnxStream.Interop.Pipelines;
using OnnxStream.Interop.Weights;

namespace OnnxStream.Interop.Diffusion;

/// <summary>One description of a Stable Diffusion model, whatever the layout of its folder.</summary>
/// <remarks>
/// <see cref="FromFolder"/> understands three layouts and tries them in this order:
/// <list type="number">
/// <item><description>a <c>model_index.json</c> with <c>"pipeline": "stable-diffusion"</c> (this project's), which says everything itself;</description></item>
/// <item><description>an ONNX export of diffusers or Optimum: <c>text_encoder</c>, <c>unet</c>, <c>vae_decoder</c>, <c>tokenizer</c>, and
/// optionally <c>scheduler/scheduler_config.json</c>, <c>unet/config.json</c>, <c>vae_decoder/config.json</c>;</description></item>
/// <item><description>the published folders of OnnxStream: <c>text_encoder_fp32</c>, <c>unet_fp16</c>, <c>vae_decoder_fp16</c>, each with a
/// <c>model.txt</c>, and <c>tokenizer</c>.</description></item>
/// </list>
/// </remarks>
public sealed record PipelineConfiguration
{
    // The noise of each is computed and kept; models are trained with 1,000.
    private const int MaximumTimesteps = 1_000_000;

    private const string IndexFile = "model_index.json";

    // In the order of preference; the last parts are what OnnxStream calls its folders.
    private static readonly string[] TextEncoderCandidates =
        ["text_encoder/model.onnx", "text_encoder/model.txt", "text_encoder_fp32/model.txt", "text_encoder_fp16/model.txt"];

    private static readonly string[] UnetCandidates =
        ["unet/model.onnx", "unet/model.txt", "unet_fp16/model.txt", "unet_fp32/model.txt"];

    private static readonly string[] VaeDecoderCandidates =
        ["vae_decoder/model.onnx", "vae_decoder/model.txt", "vae_decoder_fp16/model.txt", "vae_decoder_fp32/model.txt", "vae_decoder_qu8/model.txt", TinyDecoder];

    private const string TinyDecoder = "taesd_decoder/model.onnx";

    // Pipelines of diffusers that differ in what they are given, not in the models.
    private static readonly string[] PipelineClasses =
    [
        "StableDiffusionPipeline", "StableDiffusionImg2ImgPipeline", "StableDiffusionInpaintPipeline", "StableDiffusionControlNetPipeline",
        "StableDiffusionXLPipeline", "StableDiffusionXLImg2ImgPipeline", "StableDiffusionXLInpaintPipeline", "StableDiffusionXLControlNetPipeline",
        "LatentConsistencyModelPipeline", "LatentConsistencyModelImg2ImgPipeline",
    ];

    /// <summary>Where the paths are names of files, such as a server; null (the default) for the file system.</summary>
    public ModelFiles? Files { get; init; }

    /// <summary>What the model is called.</summary>
    public required string Name { get; init; }

    /// <summary>The text encoder, an ONNX file or a <c>model.txt</c>.</summary>
    public required string TextEncoderPath { get; init; }

    /// <summary>The UNET, an ONNX file or a <c>model.txt</c>.</summary>
    public required string UnetPath { get; init; }

    /// <summary>The decoder of the VAE, an ONNX file or a <c>model.txt</c>.</summary>
    public required string VaeDecoderPath { get; init; }

    /// <summary>The second text encoder, of SDXL; null for the others.</summary>
    public string? TextEncoder2Path { get; init; }

    /// <summary>The encoder of the VAE, for given pictures; null where there is none.</summary>
    public string? VaeEncoderPath { get; init; }

    /// <summary>A tiny decoder (TAESD) for previews; null where there is none.</summary>
    public string? TinyDecoderPath { get; init; }

    /// <summary>A ControlNet; null where there is none.</summary>
    public string? ControlNetPath { get; init; }

    /// <summary>Weights that take the place of the models' own; null (the default) for those.</summary>
    public Checkpoint? Checkpoint { get; init; }

    /// <summary>Words that the text encoders are taught. Prompts may have them, upper and lower case alike.</summary>
    public IReadOnlyList<TextualInversion> Words { get; init; } = [];

    /// <summary>The tokenizer.</summary>
    public required TokenizerConfiguration Tokenizer { get; init; }

    /// <summary>The tokenizer of the second text encoder; null for the first's.</summary>
    public TokenizerConfiguration? Tokenizer2 { get; init; }

    /// <summary>Whether an empty negative prompt stands for hidden states of zero, as with SDXL base.</summary>
    public bool EmptyPromptIsZero { get; init; }

    /// <summary>The number of pixels along a side of what one latent is decoded to.</summary>
    public int PixelsPerLatent { get; init; } = 8;

    /// <summary>For previews: red, green and blue that each channel of latents adds, and last those of all-zero latents, each from -1 to 1. Empty for what is usual with the model.</summary>
    public IReadOnlyList<IReadOnlyList<float>> LatentColours { get; init; } = [];

    /// <summary>The noise that the UNET was trained with.</summary>
    public NoiseSchedule NoiseSchedule { get; init; } = new();

    /// <summary>The number of channels of latents.</summary>
    public int LatentChannels { get; init; } = 4;

    /// <summary>The height of latents; null where only the UNET itself may say it.</summary>
    public int? LatentHeight { get; init; }

    /// <summary>The width of latents; null where only the UNET itself may say it.</summary>
    public int? LatentWidth { get; init; }

    /// <summary>What latents are divided by before they are decoded.</summary>
    public float ScalingFactor { get; init; } = 0.18215f;

    /// <summary>What the decoder gives for black.</summary>
    public float OutputMinimum { get; init; } = -1;

    /// <summary>What the decoder gives for full brightness.</summary>
    public float OutputMaximum { get; init; } = 1;

    /// <summary>The scheduler that suits the model.</summary>
    public SchedulerOptions RecommendedScheduler { get; init; } = SchedulerType.EulerAncestral;

    /// <summary>The number of steps that suits the model.</summary>
    public int RecommendedSteps { get; init; } = 20;

    /// <summary>The guidance scale that suits the model.</summary>
    public float RecommendedGuidanceScale { get; init; } = 7.5f;

    /// <summary>What gives a model of the pipeline the weights that this configuration and LoRAs say; null where it keeps its own.</summary>
    /// <param name="component">The model.</param>
    /// <param name="adapters">The LoRAs.</param>
    /// <param name="tokenizer">Of a text encoder, its tokenizer.</param>
    internal Func<Model, Model>? Adaptation(PipelineComponent component, IReadOnlyList<LoraAdapter> adapters, ClipTokenizer? tokenizer = null)
    {
        bool hasWords = tokenizer is not null && Words.Count > 0;
        return Checkpoint is null && adapters.Count == 0 && !hasWords ? null : model =>
        {
            model = Checkpoint?.Apply(model, component) ?? model;
            model = hasWords ? ModelEmbeddings.Apply(model, component == PipelineComponent.TextEncoder2, tokenizer!.VocabularySize, Words) : model;
            return ModelAdapters.Apply(model, component, adapters);
        };
    }

    /// <summary>Describes the model in a folder.</summary>
    /// <param name="folder">The folder, in one of the layouts that are listed with this type.</param>
    /// <exception cref="DirectoryNotFoundException">The folder does not exist.</exception>
    /// <exception cref="ModelFormatException">
    /// The folder has none of the layouts (the message says what was looked for), or one of its files is not what it should be.
    /// </exception>
    public static PipelineConfiguration FromFolder(string folder)
    {
        ArgumentException.ThrowIfNullOrEmpty(folder);
        folder = Path.TrimEndingDirectorySeparator(Path.GetFullPath(folder));
        if (!Directory.Exists(folder))
        {
            throw new DirectoryNotFoundException($"The model folder {folder} does not exist.");
        }

        return Read(folder, null, Path.GetFileName(folder));
    }

    /// <summary>Describes a model that is not in the file system, such as one on a server.</summary>
    /// <param name="files">Where its files are, in one of the layouts that are listed with this type. It must stay usable as long as the model is used.</param>
    /// <exception cref="ModelFormatException">They have none of the layouts (the message says what was looked for), or one of them is not what it should be.</exception>
    /// <exception cref="WeightsException">A file cannot be read.</exception>
    public static PipelineConfiguration FromFiles(ModelFiles files)
    {
        ArgumentNullException.ThrowIfNull(files);
        return Read("", files, files.Id.TrimEnd('/').Split('/')[^1]);
    }

    private static PipelineConfiguration Read(string folder, ModelFiles? place, string name)
    {
        PipelineFiles files = new(place);
        string path = Path.Combine(folder, IndexFile);
        JsonFile? index = JsonFile.ReadIfThere(path, files);
        if (index?.Text("pipeline") is { } pipeline)
        {
            return pipeline == "stable-diffusion"
                ? FromIndex(folder, place, files, name, index)
                : throw new ModelFormatException(path, $"\"pipeline\" is \"{pipeline}\"; supported is \"stable-diffusion\".");
        }

        if (index?.Text("_class_name") is { } className && !PipelineClasses.Any(known => className.EndsWith(known, StringComparison.Ordinal)))
        {
            throw new ModelFormatException(path, $"the model is made for {className}; supported are {string.Join(", ", PipelineClasses)} and their ONNX variants.");
        }

        return FromLayout(folder, place, files, name) with { EmptyPromptIsZero = index?.Boolean("force_zeros_for_empty_prompt") ?? false };
    }

    private static PipelineConfiguration FromIndex(string folder, ModelFiles? place, PipelineFiles files, string name, JsonFile index)
    {
        (float minimum, float maximum) = OutputRange(index);
        return new PipelineConfiguration
        {
            Files = place,
            Name = index.Text("name") ?? name,
            TextEncoderPath = FileOfIndex(folder, files, place is null, index, "text_encoder", "file"),
            UnetPath = FileOfIndex(folder, files, place is null, index, "unet", "file"),
            VaeDecoderPath = FileOfIndex(folder, files, place is null, index, "vae_decoder", "file"),
            Tokenizer = new TokenizerConfiguration
            {
                Files = place,
                VocabularyPath = FileOfIndex(folder, files, place is null, index, "tokenizer", "vocab"),
                MergesPath = FileOfIndex(folder, files, place is null, index, "tokenizer", "merges"),
                ContextLength = index.PositiveInteger("tokenizer", "model_max_length") ?? 77,
                LowerCase = index.Boolean("tokenizer", "lower_case") ?? true,
                BeginToken = index.Text("tokenizer", "bos_token") ?? "<|startoftext|>",
                EndToken = index.Text("tokenizer", "eos_token") ?? "<|endoftext|>",
                PadToken = index.Text("tokenizer", "pad_token") ?? "<|endoftext|>",
                BeginId = index.NonNegativeInteger("tokenizer", "bos_token_id"),
                EndId = index.NonNegativeInteger("tokenizer", "eos_token_id"),
                PadId = index.NonNegativeInteger("tokenizer", "pad_token_id"),
            },
            NoiseSchedule = Schedule(index, ["scheduler"], ["unet", "prediction_type"]),
            LatentChannels = index.PositiveInteger("unet", "latent_channels") ?? 4,
            LatentHeight = index.PositiveInteger("unet", "latent_height"),
            LatentWidth = index.PositiveInteger("unet", "latent_width"),
            ScalingFactor = Scaling(index, "vae_decoder", "scaling_factor"),
            PixelsPerLatent = index.PositiveInteger("vae_decoder", "scale_factor") ?? 8,
            VaeEncoderPath = index.Find("vae_encoder") is null ? null : FileOfIndex(folder, files, place is null, index, "vae_encoder", "file"),
            LatentColours = Colours(index),
            OutputMinimum = minimum,
            OutputMaximum = maximum,
            RecommendedScheduler = index.Text("scheduler", "recommended_sampler") is { } sampler
                ? SchedulerOptions.TryParse(sampler) ?? throw new ModelFormatException(
                    index.FilePath, $"\"scheduler.recommended_sampler\" is \"{sampler}\"; known are {string.Join(", ", SchedulerTypes.Names)}.")
                : SchedulerType.EulerAncestral,
            RecommendedSteps = index.PositiveInteger("scheduler", "recommended_steps") ?? 20,
            RecommendedGuidanceScale = (float)(index.Number("scheduler", "recommended_guidance_scale") ?? 7.5),
        };
    }

    private static PipelineConfiguration FromLayout(string folder, ModelFiles? place, PipelineFiles files, string name)
    {
        List<string> missing = [];
        string textEncoder = FirstOf(folder, files, "the text encoder", TextEncoderCandidates, missing);
        string unet = FirstOf(folder, files, "the UNET", UnetCandidates, missing);
        string vaeDecoder = FirstOf(folder, files, "the VAE decoder", VaeDecoderCandidates, missing);
        if (missing.Count > 0)
        {
            throw new ModelFormatException(
                place?.Id ?? folder,
                $"this is not a Stable Diffusion model in a known layout: there is no {IndexFile} with \"pipeline\": \"stable-diffusion\", and {string.Join("; ", missing)}.");
        }

        PipelineConfiguration configuration = new()
        {
            Files = place,
            Name = name,
            TextEncoderPath = textEncoder,
            UnetPath = unet,
            VaeDecoderPath = vaeDecoder,
            Tokenizer = TokenizerConfiguration.Read(Path.Combine(folder, "tokenizer"), place),
            TextEncoder2Path = Optional("text_encoder_2/model.onnx"),
            VaeEncoderPath = Optional("vae_encoder/model.onnx"),
            TinyDecoderPath = Optional(TinyDecoder),
            ControlNetPath = Optional("controlnet/model.onnx"),
        };
        if (configuration.TextEncoder2Path is not null)
        {
            configuration = configuration with { Tokenizer2 = TokenizerConfiguration.Read(Path.Combine(folder, "tokenizer_2"), place), ScalingFactor = 0.13025f };
        }

        if (unet.EndsWith(".txt", StringComparison.Ordinal))
        {
            // What OnnxStream's own program uses.
            configuration = configuration with { RecommendedSteps = 10, RecommendedGuidanceScale = 7 };
        }

        if (vaeDecoder == configuration.TinyDecoderPath)
        {
            configuration = configuration with { ScalingFactor = 1 };
        }

        return configuration.WithScheduler(Path.Combine(folder, "scheduler", "scheduler_config.json"), files)
            .WithUnet(Path.Combine(Path.GetDirectoryName(unet)!, "config.json"), files)
            .WithVaeDecoder(Path.Combine(Path.GetDirectoryName(vaeDecoder)!, "config.json"), files);

        string? Optional(string candidate) => files.Exists(Path.Combine(folder, candidate)) ? Path.Combine(folder, candidate) : null;
    }

    private PipelineConfiguration WithScheduler(string path, PipelineFiles files)
    {
        if (!files.Exists(path))
        {
            return this;
        }

        JsonFile file = JsonFile.Read(path, files);
        return this with
        {
            NoiseSchedule = Schedule(file, [], ["prediction_type"]),

            RecommendedScheduler = SchedulerConfiguration.Read(file) ?? RecommendedScheduler,
        };
    }

    private PipelineConfiguration WithUnet(string path, PipelineFiles files)
    {
        if (!files.Exists(path))
        {
            return this;
        }

        // The size is one number for a square, or height and width.
        JsonFile file = JsonFile.Read(path, files);
        int? height, width;
        if (file.Find("sample_size") is { ValueKind: JsonValueKind.Array } size)
        {
            if (size.GetArrayLength() != 2 || !size[0].TryGetInt32(out int first) || !size[1].TryGetInt32(out int second) || first < 1 || second < 1)
            {
                throw new ModelFormatException(path, $"\"sample_size\" should be one or two positive whole numbers, found {size.GetRawText()}.");
            }

            (height, width) = (first, second);
        }
        else
        {
            height = width = file.PositiveInteger("sample_size");
        }

        return this with { LatentHeight = height, LatentWidth = width, LatentChannels = file.PositiveInteger("out_channels") ?? file.PositiveInteger("in_channels") ?? LatentChannels };
    }

    private PipelineConfiguration WithVaeDecoder(string path, PipelineFiles files)
    {
        if (JsonFile.ReadIfThere(path, files) is not { } file)
        {
            return this;
        }

        // Each block but one doubles the size.
        const int MostBlocks = 8;
        int blocks = file.Find("block_out_channels") is { ValueKind: JsonValueKind.Array } list ? list.GetArrayLength() : 4;
        return blocks is > 0 and <= MostBlocks
            ? this with { ScalingFactor = (float)(file.Number("scaling_factor") is { } ? Scaling(file, "scaling_factor") : ScalingFactor), PixelsPerLatent = 1 << (blocks - 1) }
            : throw new ModelFormatException(path, $"\"block_out_channels\" should have from 1 to {MostBlocks} numbers, found {blocks}.");
    }

    private static string FirstOf(string folder, PipelineFiles files, string what, string[] candidates, List<string> missing)
    {
        foreach (string candidate in candidates)
        {
            string path = Path.Combine(folder, candidate);
            if (files.Exists(path))
            {
                return path;
            }
        }

        missing.Add($"{what} was looked for as {string.Join(", ", candidates)}");
        return "";
    }

    private static string FileOfIndex(string folder, PipelineFiles files, bool isLocal, JsonFile index, string role, string property)
    {
        string file = index.Text(role, property) ?? throw new ModelFormatException(index.FilePath, $"\"{role}.{property}\" is missing.");
        string path = isLocal ? Path.GetFullPath(Path.Combine(folder, file)) : file;
        if (isLocal && !path.StartsWith(folder + Path.DirectorySeparatorChar, StringComparison.Ordinal))
        {
            throw new ModelFormatException(index.FilePath, $"\"{role}.{property}\" is \"{file}\", which lies outside of the model's folder.");
        }

        return files.Exists(path) ? path : throw new ModelFormatException(index.FilePath, $"\"{role}.{property}\" is \"{file}\", which does not exist.");
    }

    private static NoiseSchedule Schedule(JsonFile file, ReadOnlySpan<string> scheduler, ReadOnlySpan<string> predictionType)
    {
        NoiseSchedule defaults = new();
        string betas = file.Text([.. scheduler, "beta_schedule"]) ?? "scaled_linear";
        string prediction = file.Text(predictionType) ?? "epsilon";
        int timesteps = file.PositiveInteger([.. scheduler, "num_train_timesteps"]) ?? defaults.TrainingTimesteps;
        if (timesteps is < 2 or > MaximumTimesteps)
        {
            throw new ModelFormatException(file.FilePath, $"\"num_train_timesteps\" should be from 2 to {MaximumTimesteps:N0}, found {timesteps}.");
        }

        return new NoiseSchedule
        {
            TrainingTimesteps = timesteps,
            BetaStart = file.Number([.. scheduler, "beta_start"]) ?? defaults.BetaStart,
            BetaEnd = file.Number([.. scheduler, "beta_end"]) ?? defaults.BetaEnd,
            BetaSchedule = betas switch
            {
                "scaled_linear" => BetaSchedule.ScaledLinear,
                "linear" => BetaSchedule.Linear,
                "squaredcos_cap_v2" => BetaSchedule.SquaredCosine,
                _ => throw new ModelFormatException(file.FilePath, $"the schedule of betas is \"{betas}\"; supported are scaled_linear, linear and squaredcos_cap_v2."),
            },
            PredictionType = prediction switch
            {
                "epsilon" => PredictionType.Epsilon,
                "v_prediction" => PredictionType.Velocity,
                "sample" => PredictionType.Sample,
                _ => throw new ModelFormatException(file.FilePath, $"the UNET predicts \"{prediction}\"; supported are epsilon, v_prediction and sample."),
            },
            HasZeroTerminalSnr = file.Boolean([.. scheduler, "rescale_betas_zero_snr"]) ?? false,
        };
    }

    private static float Scaling(JsonFile file, params ReadOnlySpan<string> names)
    {
        double factor = file.Number(names) ?? 0.18215;
        return factor > 0 ? (float)factor : throw new ModelFormatException(file.FilePath, $"\"{string.Join('.', names)}\" should be positive, found {factor}.");
    }

    private static IReadOnlyList<IReadOnlyList<float>> Colours(JsonFile index)
    {
        if (index.Find("vae_decoder", "latent_colours") is not { } list)
        {
            return [];
        }

        return list.ValueKind == JsonValueKind.Array
            && list.EnumerateArray().All(colour => colour.ValueKind == JsonValueKind.Array && colour.GetArrayLength() == 3 && colour.EnumerateArray().All(number => number.ValueKind == JsonValueKind.Number))
            ? [.. list.EnumerateArray().Select(colour => (IReadOnlyList<float>)[.. colour.EnumerateArray().Select(number => number.GetSingle())])]
            : throw new ModelFormatException(index.FilePath, $"\"vae_decoder.latent_colours\" should be lists of three numbers, found {list.GetRawText()}.");
    }

    private static (float Minimum, float Maximum) OutputRange(JsonFile index)
    {
        if (index.Find("vae_decoder", "output_range") is not { } range)
        {
            return (-1, 1);
        }

        return range.ValueKind == JsonValueKind.Array && range.GetArrayLength() == 2
            && range[0].ValueKind == JsonValueKind.Number && range[1].ValueKind == JsonValueKind.Number
            && range[0].GetSingle() < range[1].GetSingle()
            ? (range[0].GetSingle(), range[1].GetSingle())
            : throw new ModelFormatException(index.FilePath, $"\"vae_decoder.output_range\" should be two numbers, the smaller first, found {range.GetRawText()}.");
    }
}
