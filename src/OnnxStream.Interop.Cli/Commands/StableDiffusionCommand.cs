using System.CommandLine;
using System.Globalization;
using OnnxStream.Interop.Cli.Reports;
using OnnxStream.Interop.Cli.Tensors;
using OnnxStream.Interop.Diffusion;
using OnnxStream.Interop.Diffusion.RandomSources;
using OnnxStream.Interop.Diffusion.Schedulers;
using OnnxStream.Interop.Weights;
using Spectre.Console;

namespace OnnxStream.Interop.Cli.Commands;

/// <summary><c>onnxstream sd</c>: makes pictures from text.</summary>
internal sealed class StableDiffusionCommand : ToolCommand
{
    private readonly Argument<string> _prompt = new("PROMPT")
    {
        Description = "What the picture should show; without it, the model chooses.",
        Arity = ArgumentArity.ZeroOrOne,
        DefaultValueFactory = _ => "",
    };

    private readonly Option<string?> _model = new("--model", "-m")
    {
        Description = "The folder of a model of the Stable Diffusion family (1, 2, SDXL, LCM, inpainting): an ONNX export (text_encoder, unet, vae_decoder, tokenizer), or OnnxStream's of 1.5; the name of one that was pulled, or the address of one (http://, https://). Without it, a demo model that comes with the tool: coloured shapes of 64x64 pixels.",
        HelpName = "DIR",
    };

    private readonly Option<string> _negativePrompt = new("--negative-prompt")
    {
        Description = "What the picture should not show.",
        HelpName = "TEXT",
        DefaultValueFactory = _ => "",
    };

    private readonly Option<int?> _steps = OptionalNumberOption(
        "--steps", 1, "Sampling steps; the default depends on the model.");

    private readonly Option<long?> _seed = OptionalNumberOption(
        "--seed", long.MinValue, "The seed of the noise; the same seed makes the same picture on every machine. By default it is random, and is reported.");

    private readonly Option<float?> _guidance = new("--guidance")
    {
        Description = "How strongly to follow the prompt; the default depends on the model. 1 ignores the negative prompt and takes half the time.",
        HelpName = "X",
        CustomParser = result => ParseNumber(result, "--guidance", float.MinValue, "a finite number"),
    };

    private readonly Option<int> _count = NumberOption("--count", 1, 1, "The number of pictures, with the seeds N, N+1, …");

    private readonly Option<string?> _sampler = new("--sampler")
    {
        Description = $"How noise is removed, by any name that web interfaces, diffusers or OnnxStream have for it, alone or with a schedule, as in \"DPM++ 2M Karras\"; the default depends on the model. There are {string.Join(", ", SchedulerTypes.Names)}.",
        HelpName = "NAME",
    };

    private readonly Option<string?> _schedule = new("--schedule")
    {
        Description = $"How the noise levels of the steps are spread; the default depends on the sampler. There are {string.Join(", ", SigmaSchedules.Names)}.",
        HelpName = "NAME",
    };

    private readonly Option<double?> _eta = new("--eta")
    {
        Description = "How much of the noise that a step may add is new: 0 for none, 1 for all of it. For DDIM, TCD, ancestral samplers and SDEs.",
        HelpName = "X",
        CustomParser = result => ParseNumber(result, "--eta", 0.0, "a number of at least 0"),
    };

    private readonly Option<int?> _width = OptionalNumberOption("--width", 8, "The width of pictures in pixels, a multiple of 8; the default depends on the model, or is that of --image.");

    private readonly Option<int?> _height = OptionalNumberOption("--height", 8, "The height of pictures in pixels, a multiple of 8.");

    private readonly Option<float?> _guidanceRescale = PartOption(
        "--guidance-rescale", "How much of the contrast that guidance adds is taken back; 0.7 suits models with zero terminal SNR.");

    private readonly Option<float?> _guidanceStart = PartOption("--guidance-start", "The part of the steps before which there is no guidance.");

    private readonly Option<float?> _guidanceEnd = PartOption("--guidance-end", "The part of the steps from which on there is no guidance; each such step takes half the time.");

    private readonly Option<int?> _clipSkip = OptionalNumberOption("--clip-skip", 1, "Which of the text encoder's last layers is used: 1 for the usual one, 2 for the one before.");

    private readonly Option<bool> _plain = new("--plain-prompt")
    {
        Description = "Take brackets and BREAK in prompts as text. Otherwise (word:1.3) and [word] weigh, [a:b:0.5] changes from a to b in the middle of the steps, [a|b] alternates, and BREAK begins a new chunk of 75 tokens.",
    };

    private readonly Option<string?> _image = PictureOption("--image", "A picture to begin with; it is stretched to the size that is asked for.");

    private readonly Option<float?> _strength = PartOption("--strength", "How far the picture of --image may change; the default is 0.75.");

    private readonly Option<string?> _mask = PictureOption("--mask", "What of --image is drawn anew: white; what stays: black.");

    private readonly Option<float?> _maskBlur = new("--mask-blur")
    {
        Description = "How far the edge of the mask is blurred, in pixels; the default is 4.",
        HelpName = "X",
        CustomParser = result => ParseNumber(result, "--mask-blur", 0f, "a number of at least 0"),
    };

    private readonly Option<string?> _control = PictureOption("--control", "A picture that the ControlNet of the model's folder follows, prepared as it wants it (edges, a pose).");

    private readonly Option<float?> _controlScale = new("--control-scale")
    {
        Description = "How strongly the ControlNet counts; the default is 1.",
        HelpName = "X",
        CustomParser = result => ParseNumber(result, "--control-scale", 0f, "a number of at least 0"),
    };

    private readonly Option<string?> _rng = new("--rng")
    {
        Description = "Where the noise of a seed comes from: philox is the same to the last bit on every machine, torch is what PyTorch gives on a processor (\"RNG: CPU\" of web interfaces).",
        HelpName = "philox|torch",
    };

    private readonly Option<int?> _previewEvery = OptionalNumberOption("--preview-every", 1, "Write a coarse picture beside the output (picture-preview.png) after every N steps.");

    private readonly Option<string?> _saveLatents = new("--save-latents")
    {
        Description = "Also write what pictures are decoded from, [pictures,channels,height,width].",
        HelpName = "FILE.npy",
    };

    private readonly Option<string?> _decodeLatents = new("--decode-latents")
    {
        Description = "Draw nothing: decode latents that --save-latents wrote.",
        HelpName = "FILE.npy",
    };

    private readonly Option<string?> _from = PictureOption(
        "--from", "A .png file that says how it was made, as this program and web interfaces write it: draw it again. Options that are given as well go before.");

    private readonly Option<string[]> _lora = new("--lora")
    {
        Description = "A LoRA (.safetensors: LoRA, LoHa or LoKr) and how strongly it counts, as in --lora style.safetensors:0.8; may be given several times. It is merged while weights are read: models stay as they are.",
        HelpName = "FILE[:X]",
    };

    private readonly Option<string?> _loraFolder = new("--lora-folder")
    {
        Description = "Where the LoRAs are that a prompt names: <lora:NAME:0.8> is NAME.safetensors in it.",
        HelpName = "DIR",
    };

    private readonly Option<string[]> _word = new("--embedding")
    {
        Description = "A textual inversion (.safetensors): its word, or that of WORD=FILE, stands for what it was taught; may be given several times.",
        HelpName = "[WORD=]FILE",
    };

    private readonly Option<string?> _checkpoint = new("--checkpoint")
    {
        Description = "Weights that take the place of the model's own, streamed from where they lie: a folder as diffusers saves it (unet, text_encoder, vae), or a .safetensors file of Stable Diffusion 1.5.",
        HelpName = "PATH",
    };

    private readonly Option<string?> _upscale = new("--upscale")
    {
        Description = "An ONNX network that makes pictures larger, such as ESRGAN ([1,3,height,width] to some whole number of times the size); it works on tiles.",
        HelpName = "MODEL",
    };

    private readonly Option<int?> _deepCache = OptionalNumberOption(
        "--deep-cache", 1, "Compute the whole UNET in every N-th step only: in the steps between, its deep layers are neither computed nor read, and what they made last is used (DeepCache). Pictures change a little.");

    private readonly Option<float?> _hiresScale = new("--hires-scale")
    {
        Description = $"Hires fix: draw the picture of --width and --height, make it so many times larger, and draw it again from that. More than 1, at most {HiresFix.MostScale}.",
        HelpName = "X",
        CustomParser = result => ParseNumber(result, "--hires-scale", 0f, "a number that is more than 1"),
    };

    private readonly Option<int?> _hiresSteps = OptionalNumberOption("--hires-steps", 1, "The steps of the second drawing; the default is as many as the first.");

    private readonly Option<float?> _hiresStrength = PartOption("--hires-strength", "How far the second drawing may change the first; the default is 0.5.");

    private readonly Option<string?> _hiresUpscaler = new("--hires-upscaler")
    {
        Description = "What makes the first drawing larger: latent stretches its latents; or an ONNX network such as ESRGAN, for which the folder must have a vae_encoder. The default is latent.",
        HelpName = "latent|MODEL",
    };

    private readonly Option<string> _output = new("--output", "-o")
    {
        Description = "The PNG file to write. Several pictures have their seeds in their names (picture-42.png), unless --grid is given.",
        HelpName = "FILE.png",
        DefaultValueFactory = _ => "picture.png",
    };

    private readonly Option<bool> _grid = new("--grid")
    {
        Description = "Put all pictures into one file, side by side.",
    };

    private readonly Option<int> _enlarge = NumberOption("--enlarge", 1, 1, "Make each pixel a square of N by N.");

    private readonly Option<string> _vaeTiling = new("--vae-tiling")
    {
        Description = "Whether the VAE works on a picture in tiles that overlap and are blended: on, off, or auto where --memory has no room for the whole picture, or the model has but one size.",
        HelpName = "auto|on|off",
        DefaultValueFactory = _ => "auto",
    };

    private readonly Option<int?> _vaeTileSize = OptionalNumberOption("--vae-tile-size", 16, $"The side of a tile of the VAE in pixels; the default is the largest that --memory allows, or {VaeTiling.UsualTileSize}.");

    private readonly Option<int?> _vaeTileOverlap = OptionalNumberOption("--vae-tile-overlap", 0, "How far tiles of the VAE overlap, in pixels; the default is a quarter of a tile.");

    private readonly Option<bool> _plan = new("--plan")
    {
        Description = "Draw nothing: say what each stage would do, the memory and weights that it needs, and an estimate of time.",
    };

    private readonly Option<long?> _memory = MemoryOption();

    private readonly Option<int> _threads = ThreadsOption();

    private readonly Option<string> _weights = WeightsOption();

    private readonly Option<string> _panelStore = new("--panel-store")
    {
        Description = "Whether packed weights are kept for the next time: auto keeps those of each network in the cache folder if there is ample room, off packs them again in every step.",
        HelpName = "auto|off",
        DefaultValueFactory = _ => "off",
    };

    private readonly Option<string> _panelType = PanelTypeOption();

    private readonly Option<double?> _targetError = TargetErrorOption();

    private readonly Option<string> _activationType = ActivationTypeOption();

    private readonly Option<string?> _vaeActivationType = new("--vae-activation-type")
    {
        Description = "The precision in which the VAE stores activations, where it is to be another than that of --activation-type: those of a decoder are the largest of all, and 8 bits change its pictures by less than can be seen.",
        HelpName = "f32|f16|int8",
    };

    private readonly Option<bool> _json = JsonOption();

    public StableDiffusionCommand()
        : base("sd", "Make pictures from text with Stable Diffusion.")
    {
        Add(_prompt);
        foreach (Option option in (Option[])[
            _model, _negativePrompt, _steps, _seed, _guidance, _count, _sampler, _schedule, _eta, _width, _height, _guidanceRescale, _guidanceStart, _guidanceEnd, _clipSkip, _plain, _image, _strength, _mask, _maskBlur, _control, _controlScale, _rng, _previewEvery, _saveLatents, _decodeLatents, _from, _lora, _loraFolder, _word, _checkpoint, _upscale, _deepCache, _hiresScale, _hiresSteps, _hiresStrength, _hiresUpscaler, _output, _grid, _enlarge, _plan, _memory, _vaeTiling, _vaeTileSize, _vaeTileOverlap, _threads, _weights, _panelStore, _panelType, _targetError, _activationType, _vaeActivationType, _json])
        {
            Add(option);
        }

        _sampler.Validators.Add(result =>
        {
            if (result.GetValueOrDefault<string?>() is { } name && SchedulerOptions.TryParse(name) is null)
            {
                result.AddError($"--sampler {name}: there is none of that name; did you mean \"{SchedulerTypes.Nearest(name)}\"?");
            }
        });
        _schedule.Validators.Add(result =>
        {
            if (result.GetValueOrDefault<string?>() is { } name && SigmaSchedules.Find(name) is null)
            {
                result.AddError($"--schedule {name}: there is none of that name; did you mean \"{SigmaSchedules.Nearest(name)}\"?");
            }
        });
        _panelStore.AcceptOnlyFromAmong("auto", "off");
        _vaeTiling.AcceptOnlyFromAmong("auto", "on", "off");
        _vaeActivationType.AcceptOnlyFromAmong("f32", "f16", "int8");
        _rng.AcceptOnlyFromAmong("philox", "torch");
        foreach (Option<string?> npy in (Option<string?>[])[_saveLatents, _decodeLatents])
        {
            npy.Validators.Add(result =>
            {
                if (result.GetValueOrDefault<string?>() is { } file && !file.EndsWith(".npy", StringComparison.OrdinalIgnoreCase))
                {
                    result.AddError($"{npy.Name} {file}: expected the name of a .npy file.");
                }
            });
        }

        _output.Validators.Add(result =>
        {
            if (result.GetValueOrDefault<string>() is { } file && !file.EndsWith(".png", StringComparison.OrdinalIgnoreCase))
            {
                result.AddError($"--output {file}: expected the name of a .png file.");
            }
        });
    }

    public override IReadOnlyList<string> Examples =>
    [
        "onnxstream sd \"a red circle on a blue background\" --enlarge 4    with the demo model",
        "onnxstream sd \"a cat in a space suit\" --model stable-diffusion-1.5 --seed 42 --steps 20 --output cat.png",
        "onnxstream sd \"a green triangle\" --model http://192.168.1.2:8000/tiny-shapes    streamed from a server; nothing is written",
        "onnxstream sd \"a lighthouse\" --model stable-diffusion-1.5 --count 4 --grid --negative-prompt \"blurry\" --sampler euler",
        "onnxstream sd \"a lighthouse\" --model stable-diffusion-1.5 --sampler \"DPM++ 2M Karras\" --steps 15",
        "onnxstream sd \"a lighthouse\" --model stable-diffusion-1.5 --sampler ddim --schedule trailing --eta 0.5",
        "onnxstream sd \"a (red:1.3) fox in the [summer:winter:0.5]\" --model stable-diffusion-1.5 --width 640 --height 448",
        "onnxstream sd \"a watercolour\" --model stable-diffusion-1.5 --image photo.jpg --strength 0.6",
        "onnxstream sd \"a lighthouse <lora:ink:0.7>\" --model stable-diffusion-1.5 --lora-folder loras --lora glow.safetensors:0.4",
        "onnxstream sd \"a lighthouse\" --model stable-diffusion-1.5 --checkpoint my-checkpoint.safetensors",
        "onnxstream sd \"a red door\" --model stable-diffusion-1.5 --image house.png --mask door.png",
        "onnxstream sd --model stable-diffusion-1.5 --from picture.png --steps 40    draws it again, with more steps",
        "onnxstream sd \"a lighthouse\" --model stable-diffusion-1.5 --deep-cache 3    in two of three steps, most of the UNET is left out",
        "onnxstream sd \"a lighthouse\" --model stable-diffusion-1.5 --hires-scale 2 --hires-steps 10 --hires-strength 0.5    512x512, then 1024x1024 from that",
        "onnxstream sd \"a lighthouse\" --model stable-diffusion-1.5 --plan --count 4    how much memory and time, and where?",
        "onnxstream sd \"a lighthouse\" --model stable-diffusion-1.5 --memory 160MB --vae-activation-type int8    never more than that; a limit that is too small is refused",
        "onnxstream sd \"a lighthouse\" --model stable-diffusion-1.5 --width 1024 --height 1024 --vae-tiling on",
    ];

    protected override void Execute(ParseResult arguments, Terminal terminal, CancellationToken cancellationToken)
    {
        string folder = arguments.GetValue(_model) ?? DemoModel.Locate();
        if (!HttpFiles.IsAddress(folder))
        {
            folder = PulledModels.Locate(folder);
        }

        using HttpFiles? server = HttpFiles.IsAddress(folder) ? new HttpFiles(new Uri(folder)) : null;
        string output = arguments.GetRequiredValue(_output);
        double? targetError = ReadTargetError(arguments.GetRequiredValue(_panelStore), arguments.GetRequiredValue(_panelType), arguments.GetValue(_targetError));
        using WeightsProvider weights = CreateWeightsProvider(arguments.GetRequiredValue(_weights));
        SessionOptions sessionOptions = new()
        {
            ThreadCount = arguments.GetValue(_threads),
            WeightsProvider = weights,
            PanelStore = CreatePanelStore(arguments.GetRequiredValue(_panelStore), arguments.GetRequiredValue(_panelType), progress: null, cancellationToken),
            ActivationElementType = ParseType(arguments.GetRequiredValue(_activationType)),

            // The command is for machines that have no memory to spare.
            KeptPanelBytes = 0,
        };
        long? limit = arguments.GetValue(_memory);
        if (limit is not null)
        {
            ProcessMemory.StaySmall();
        }

        PipelineConfiguration configuration = (server is null ? PipelineConfiguration.FromFolder(folder) : PipelineConfiguration.FromFiles(server)) with
        {
            Checkpoint = arguments.GetValue(_checkpoint) is { } checkpoint ? Checkpoint.Open(checkpoint) : null,
            Words = [.. (arguments.GetValue(_word) ?? []).Select(OpenWord)],
        };
        SessionOptions vaeOptions = arguments.GetValue(_vaeActivationType) is { } type ? sessionOptions with { ActivationElementType = ParseType(type) } : sessionOptions;
        Dictionary<PipelineStage, SessionOptions> stages = new()
        {
            [PipelineStage.TextEncoding] = Choose(configuration.TextEncoderPath, sessionOptions),
            [PipelineStage.ImageEncoding] = vaeOptions,
            [PipelineStage.Denoising] = Choose(configuration.UnetPath, sessionOptions),
            [PipelineStage.Decoding] = Choose(configuration.VaeDecoderPath, vaeOptions),
            [PipelineStage.Upscaling] = sessionOptions,
        };
        long? budget = null;
        GenerationMemory? memory = null;
        string? larger = null;
        StableDiffusionPipeline pipeline = new(configuration, stage => stages[stage] with { MemoryBudget = budget });
        int trainingSteps = pipeline.Configuration.NoiseSchedule.TrainingTimesteps;
        if (arguments.GetValue(_steps) > trainingSteps)
        {
            throw new UsageException($"--steps must be at most {trainingSteps}, the number of time steps that the model was trained with.");
        }

        VaeTiling tiling = new()
        {
            Mode = Enum.Parse<VaeTilingMode>(arguments.GetRequiredValue(_vaeTiling), ignoreCase: true),
            TileSize = arguments.GetValue(_vaeTileSize),
            Overlap = arguments.GetValue(_vaeTileOverlap),
        };
        if (arguments.GetValue(_decodeLatents) is { } latentsFile)
        {
            RequireExisting(latentsFile);
            TensorBuffer latents = NpyFile.Load(latentsFile);
            if (!TryPlan(() => pipeline.PlanDecoding(latents, tiling)))
            {
                _ = Within(() => Decode(pipeline, latents, tiling, output, arguments, terminal, cancellationToken));
            }

            return;
        }

        GenerationOptions options = ReadOptions(arguments, configuration, output) with { Tiling = tiling };

        // Read now, so that a wrong one is refused before work; its session is made when the others are closed.
        larger = arguments.GetValue(_upscale) is { } network ? PulledModels.Locate(network) : null;
        using Upscaler? planned = larger is null ? null : new Upscaler(larger, sessionOptions);
        if (TryPlan(() => pipeline.Plan(options), planned))
        {
            return;
        }

        using Upscaler? upscaler = larger is null || budget is null ? planned : new Upscaler(larger, sessionOptions with { MemoryBudget = budget });

        // A folder that cannot be made should stop a long generation before it starts.
        if (Path.GetDirectoryName(output) is { Length: > 0 } outputFolder)
        {
            Directory.CreateDirectory(outputFolder);
        }

        GenerationResult result = Within(() => Refusing(() => ProgressDisplay.Show(
            terminal, report => pipeline.Generate(options, new StageReporter(report), cancellationToken))));
        if (result.DroppedTokenCount > 0)
        {
            terminal.Error.WriteLine($"warning: the prompts are too long for the model; their last {result.DroppedTokenCount} tokens were left out.");
        }

        if (arguments.GetValue(_saveLatents) is { } saved)
        {
            SaveLatents(result.Images, saved);
        }

        IReadOnlyList<GeneratedImage> images = upscaler is null ? result.Images : Within(() => ProgressDisplay.Show(terminal, report => result.Images.Select(
            (image, i) => image with { Image = upscaler.Upscale(image.Image, new TileReporter(report, i, result.Images.Count), cancellationToken) }).ToList()));
        IReadOnlyList<string> files = Save(images, output, arguments.GetValue(_grid), arguments.GetValue(_enlarge));
        GenerationParameters parameters = result.Images[0].Parameters;
        GenerationReport report = new(
            [.. images.Zip(files, (image, file) => new ImageReport(file, image.Seed, image.Width, image.Height))],
            parameters.Prompt,
            parameters.NegativePrompt,
            parameters.Model,
            parameters.Steps,
            parameters.Sampler,
            parameters.Schedule,
            parameters.GuidanceScale,
            Seconds(result.Duration),
            [.. result.Stages.Select(stage => new StageReport(
                StageName(stage.Stage),
                Seconds(stage.Duration),
                Seconds(stage.LoadDuration),
                Seconds(stage.RunDuration),
                stage.RunCount,
                stage.WeightsBytesStreamed,
                stage.PeakNativeBytes))],
            PeakMemory.Bytes,
            result.Stages.Max(stage => stage.PeakNativeBytes),
            result.Stages.Sum(stage => stage.WeightsBytesStreamed),
            limit);
        if (arguments.GetValue(_json))
        {
            terminal.Output.WriteLine(ReportJson.Serialize(report));
        }
        else
        {
            Print(report, terminal);
        }

        SessionOptions Choose(string path, SessionOptions options)
        {
            if (targetError is null)
            {
                return options;
            }

            // The runs that choose keep to the limit, too.
            Model model = server is null ? Model.Load(path) : Model.Load(server, path);
            long? most = limit is { } allowed ? Math.Max(1, ProcessMemory.Measure(0, 0).BudgetFor(allowed)) : null;
            return ChoosePanelTypes(terminal, model, options with { MemoryBudget = most }, () => MakeInputs(model, configuration), targetError, cancellationToken) with { MemoryBudget = null };
        }

        // Says what would be done, where that is asked for, or finds what a limit leaves for sessions. Without either there is nothing to plan.
        bool TryPlan(Func<GenerationPlan> makePlan, Upscaler? network = null)
        {
            bool isAsked = arguments.GetValue(_plan);
            if (!isAsked && limit is null)
            {
                return false;
            }

            GenerationPlan free = Plan(network);
            memory = GenerationMemory.Measure(free);
            UsageException? refusal = null;
            try
            {
                budget = limit is { } allowed ? memory.BudgetWithin(allowed) : null;
            }
            catch (UsageException exception) when (isAsked && arguments.GetValue(_json))
            {
                // What it would need is told all the same, to those who read it with a program.
                refusal = exception;
            }

            if (!isAsked)
            {
                ProcessMemory.CleanUp();
                return false;
            }

            using Upscaler? limited = larger is null ? null : new Upscaler(larger, sessionOptions with { MemoryBudget = budget });
            GenerationPlan plan = budget is null ? free : Plan(limited);
            string? weightsFolder = server is null ? Path.GetDirectoryName(configuration.UnetPath) : null;
            MachineRates rates = MachineRates.Measure(sessionOptions.PanelStore.ElementType, sessionOptions.ThreadCount, weightsFolder, cancellationToken);
            Show(plan, memory, rates, configuration.Name, limit, arguments.GetValue(_json), terminal);
            return refusal is null ? true : throw refusal;

            GenerationPlan Plan(Upscaler? upscaling)
            {
                GenerationPlan plan = Refusing(makePlan);
                return upscaling is null ? plan : plan with { Stages = [.. plan.Stages, upscaling.Plan(plan.Width, plan.Height, plan.ImageCount)] };
            }
        }

        T Within<T>(Func<T> work)
        {
            try
            {
                return work();
            }
            catch (MemoryBudgetException exception) when (memory is not null && limit is not null)
            {
                throw memory.TooLittle(limit.Value, exception.SmallestBudgetBytes);
            }
        }
    }

    private static void Show(GenerationPlan plan, GenerationMemory memory, MachineRates rates, string model, long? limit, bool isJson, Terminal terminal)
    {
        StagePlanReport[] stages = [.. plan.Stages.Select(stage => StagePlanReport.Of(stage, memory.SmallestLimit(stage.SmallestBudgetBytes), rates.Seconds(stage.Flops, stage.WeightsBytes)))];
        GenerationPlanReport report = new(
            model, plan.Width, plan.Height, plan.ImageCount, plan.Steps, stages, plan.WeightsBytes, plan.Flops, stages.Sum(stage => stage.EstimatedS), rates.FlopsPerSecond, rates.BytesPerSecond,
            plan.PeakBytes, memory.PeakFor(plan.PeakBytes), limit, memory.SmallestLimit(plan.SmallestBudgetBytes));
        if (isJson)
        {
            terminal.Output.WriteLine(ReportJson.Serialize(report));
            return;
        }

        Table table = new() { Border = TableBorder.Simple };
        table.AddColumn("stage");
        foreach (string name in (string[])["runs", "together", "memory", "at least", "weights", "operations", "about"])
        {
            table.AddColumn(name, column => column.RightAligned());
        }

        foreach (StagePlanReport stage in stages)
        {
            string tiles = stage.TileWidth is { } width ? $", tiles of {width}x{stage.TileHeight}" : "";
            string[] known = stage.Unknown is null
                ? [Quantity.Bytes(stage.PeakBytes), $"{stage.SmallestBudgetBytes >> 20}MB", Quantity.Bytes(stage.WeightsBytes), Quantity.Flops(stage.Flops), $"{stage.EstimatedS:0.0} s"]
                : ["not known", "", "", "", ""];
            table.AddRow([Markup.Escape($"{stage.Model}{tiles}"), $"{stage.Runs:N0}", stage.Sets == 1 ? "" : $"{stage.Together} of {stage.Sets}", .. known]);
        }

        terminal.Write(table);
        foreach (StagePlanReport stage in stages.Where(stage => stage.Unknown is not null))
        {
            terminal.Output.WriteLine($"not known   {stage.Model}: {stage.Unknown}");
        }

        string pictures = plan.ImageCount == 1 ? "1 picture" : $"{plan.ImageCount:N0} pictures";
        string reading = rates.BytesPerSecond is { } rate ? $", weights at {Quantity.Bytes((long)rate)}/s" : ", without the time that weights take over the network";
        terminal.Output.WriteLine($"pictures    {pictures} of {plan.Width}x{plan.Height}, {plan.Steps} steps");
        terminal.Output.WriteLine($"weights     {Quantity.Bytes(plan.WeightsBytes)} streamed in all");
        terminal.Output.WriteLine($"operations  {Quantity.Flops(plan.Flops)}");
        terminal.Output.WriteLine($"time        about {report.EstimatedS:0.0} s: an estimate, of products at {Quantity.Flops((long)rates.FlopsPerSecond)}/s{reading}, both measured just now; what is no product, and packing, come on top");
        terminal.Output.WriteLine($"memory      {Quantity.Bytes(report.PredictedPeakRssBytes)} predicted peak of the process, {Quantity.Bytes(report.PredictedPeakBytes)} of it in sessions");
        terminal.Output.WriteLine($"smallest    --memory {report.SmallestBudgetBytes >> 20}MB");
    }

    private GenerationOptions ReadOptions(ParseResult arguments, PipelineConfiguration configuration, string output)
    {
        GenerationParameters? from = arguments.GetValue(_from) is { } picture ? ReadParameters(picture) : null;
        string? image = arguments.GetValue(_image), mask = arguments.GetValue(_mask), control = arguments.GetValue(_control);
        if (mask is not null && image is null)
        {
            throw new UsageException("--mask needs the picture that it is for: --image FILE.");
        }

        // Pictures are stretched to the nearest size that is possible.
        int? width = arguments.GetValue(_width) ?? from?.Width, height = arguments.GetValue(_height) ?? from?.Height;
        if ((image ?? control) is { } first)
        {
            RequireExisting(first);
            (int columns, int rows) = PictureFile.SizeOf(first);
            int step = configuration.PixelsPerLatent;
            width ??= configuration.LatentWidth * step ?? Math.Max(columns / step, 1) * step;
            height ??= configuration.LatentHeight * step ?? Math.Max(rows / step, 1) * step;
        }

        int? interval = arguments.GetValue(_previewEvery);
        string preview = Path.ChangeExtension(output, null) + "-preview.png";
        GenerationOptions defaults = new() { Prompt = "" };
        return defaults with
        {
            Prompt = arguments.GetResult(_prompt) is { Implicit: false } || from is null ? arguments.GetRequiredValue(_prompt) : from.Prompt,
            NegativePrompt = arguments.GetResult(_negativePrompt) is { Implicit: false } || from is null ? arguments.GetRequiredValue(_negativePrompt) : from.NegativePrompt,
            Steps = arguments.GetValue(_steps) ?? from?.Steps,
            Seed = arguments.GetValue(_seed) ?? from?.Seed,
            GuidanceScale = arguments.GetValue(_guidance) ?? from?.GuidanceScale,
            ImageCount = arguments.GetValue(_count),
            Scheduler = ReadScheduler(arguments, configuration, from),
            Width = width,
            Height = height,
            GuidanceRescale = arguments.GetValue(_guidanceRescale) ?? from?.GuidanceRescale ?? 0,
            GuidanceStart = arguments.GetValue(_guidanceStart) ?? 0,
            GuidanceEnd = arguments.GetValue(_guidanceEnd) ?? 1,
            ClipSkip = arguments.GetValue(_clipSkip) ?? from?.ClipSkip ?? 1,
            IsPlainPrompt = arguments.GetValue(_plain),
            Adapters = [.. (arguments.GetValue(_lora) ?? []).Select(OpenLora)],
            LoraFolder = arguments.GetValue(_loraFolder) is { } loras ? Directory.Exists(loras) ? loras : throw new DirectoryNotFoundException($"{loras}: no such folder.") : null,
            Image = Load(image),
            Strength = arguments.GetValue(_strength) ?? from?.Strength ?? defaults.Strength,
            Mask = Load(mask),
            MaskBlur = arguments.GetValue(_maskBlur) ?? defaults.MaskBlur,
            ControlImage = Load(control),
            ControlScale = arguments.GetValue(_controlScale) ?? defaults.ControlScale,
            CacheInterval = arguments.GetValue(_deepCache) ?? from?.CacheInterval ?? 1,
            Hires = ReadHires(arguments, from),
            RandomSourceType = arguments.GetValue(_rng) is { } rng ? (rng == "torch" ? RandomSourceType.Torch : RandomSourceType.Philox) : from?.RandomSource ?? RandomSourceType.Philox,
            PreviewInterval = interval ?? 1,
            Preview = interval is null ? null : item => PngFile.Write(preview, item.Image.Enlarge(configuration.TinyDecoderPath is null ? configuration.PixelsPerLatent : 1)),
        };

        RgbImage? Load(string? file)
        {
            if (file is null)
            {
                return null;
            }

            RequireExisting(file);
            return PictureFile.LoadRgb(file, width!.Value, height!.Value);
        }
    }

    private HiresFix? ReadHires(ParseResult arguments, GenerationParameters? from)
    {
        float? scale = arguments.GetValue(_hiresScale) ?? from?.HiresScale, strength = arguments.GetValue(_hiresStrength);
        int? steps = arguments.GetValue(_hiresSteps);
        string? upscaler = arguments.GetValue(_hiresUpscaler);
        if (scale is null)
        {
            string? alone = strength is not null ? _hiresStrength.Name : steps is not null ? _hiresSteps.Name : upscaler is not null ? _hiresUpscaler.Name : null;
            return alone is null ? null : throw new UsageException($"{alone} is for hires fix: say how many times larger the picture is drawn again, with --hires-scale 2.");
        }

        if (upscaler is null && from?.HiresUpscaler is { } name && !name.Equals(HiresFix.LatentName, StringComparison.OrdinalIgnoreCase))
        {
            throw new UsageException($"The picture was made larger with \"{name}\": say where that is, with --hires-upscaler MODEL, or take --hires-upscaler latent.");
        }

        return new HiresFix
        {
            Scale = scale.Value,
            Steps = steps ?? from?.HiresSteps,
            Strength = strength ?? (from?.HiresScale is null ? null : from.Strength) ?? new HiresFix().Strength,
            UpscalerPath = upscaler is null || upscaler.Equals(HiresFix.LatentName, StringComparison.OrdinalIgnoreCase) ? null : PulledModels.Locate(upscaler),
        };
    }

    // FILE, or FILE:WEIGHT. Paths may have colons of their own.
    private static LoraAdapter OpenLora(string text)
    {
        int colon = text.LastIndexOf(':');
        if (File.Exists(text) || colon <= 0)
        {
            RequireExisting(text);
            return new LoraAdapter(LoraFile.Open(text));
        }

        if (!float.TryParse(text.AsSpan(colon + 1), NumberStyles.Float, CultureInfo.InvariantCulture, out float weight) || !float.IsFinite(weight))
        {
            throw new UsageException($"--lora {text}: '{text[(colon + 1)..]}' is no weight; expected FILE or FILE:NUMBER, as in style.safetensors:0.8.");
        }

        RequireExisting(text[..colon]);
        return new LoraAdapter(LoraFile.Open(text[..colon]), weight);
    }

    private static TextualInversion OpenWord(string text)
    {
        int equals = text.IndexOf('=', StringComparison.Ordinal);
        (string? word, string file) = File.Exists(text) || equals <= 0 ? (null, text) : (text[..equals], text[(equals + 1)..]);
        RequireExisting(file);
        return TextualInversion.Open(file, word);
    }

    private static GenerationParameters ReadParameters(string picture)
    {
        RequireExisting(picture);
        string text = PngFile.ReadParameters(picture) ?? throw new ModelFormatException(picture, "the file does not say how its picture was made: there is no text with the keyword \"parameters\".");
        try
        {
            return GenerationParameters.Parse(text);
        }
        catch (FormatException exception)
        {
            throw new ModelFormatException(picture, $"what the file says about its picture cannot be read: {exception.Message}", exception);
        }
    }

    private int Decode(
        StableDiffusionPipeline pipeline, TensorBuffer latents, VaeTiling tiling, string output, ParseResult arguments, Terminal terminal, CancellationToken cancellationToken)
    {
        IReadOnlyList<RgbImage> images = Refusing(() => ProgressDisplay.Show(terminal, report => pipeline.Decode(latents, tiling, new StageReporter(report), cancellationToken)));
        RgbImage[] pictures = arguments.GetValue(_grid) ? [ImageGrid.Arrange(images, (int)Math.Ceiling(Math.Sqrt(images.Count)))] : [.. images];
        for (int i = 0; i < pictures.Length; i++)
        {
            string file = pictures.Length == 1 ? output : $"{Path.ChangeExtension(output, null)}-{i + 1}.png";
            PngFile.Write(file, pictures[i].Enlarge(arguments.GetValue(_enlarge)));
            terminal.Output.WriteLine($"picture  {file}");
        }

        return pictures.Length;
    }

    // What does not fit the model is known to the pipeline alone; it is the user's input all the same.
    private static T Refusing<T>(Func<T> work)
    {
        try
        {
            return work();
        }
        catch (ArgumentException exception)
        {
            throw new UsageException(exception.Message.Split(" (Parameter '", 2)[0]);
        }
    }

    private static void SaveLatents(IReadOnlyList<GeneratedImage> images, string file)
    {
        Shape one = images[0].Latents.Shape;
        TensorBuffer all = new(ElementType.Float32, new Shape(images.Count, one[1], one[2], one[3]));
        for (int i = 0; i < images.Count; i++)
        {
            images[i].Latents.Span<float>().CopyTo(all.Span<float>()[checked((int)(i * one.ElementCount))..]);
        }

        NpyFile.Save(file, all);
    }

    private static Option<float?> PartOption(string name, string description) => new(name)
    {
        Description = $"{description} From 0 to 1.",
        HelpName = "X",
        CustomParser = result =>
        {
            float value = ParseNumber(result, name, 0f, "a number from 0 to 1");
            if (value > 1)
            {
                result.AddError($"{name} {result.Tokens[0].Value}: expected a number from 0 to 1.");
            }

            return value;
        },
    };

    private static Option<string?> PictureOption(string name, string description) => new(name)
    {
        Description = description,
        HelpName = "FILE",
    };

    /// <summary>The sampler that the options name together, where they name none that of a picture to draw again, or the model's; null where nothing is said.</summary>
    private SchedulerOptions? ReadScheduler(ParseResult arguments, PipelineConfiguration configuration, GenerationParameters? from)
    {
        string? sampler = arguments.GetValue(_sampler) ?? from?.Sampler, schedule = arguments.GetValue(_schedule) ?? (arguments.GetValue(_sampler) is null && from?.Schedule.Length > 0 ? from.Schedule : null);
        double? eta = arguments.GetValue(_eta) ?? from?.Eta;
        if (sampler is null && schedule is null && eta is null)
        {
            return null;
        }

        // What a picture was made with may be unknown here.
        SchedulerOptions scheduler = sampler is null ? configuration.RecommendedScheduler
            : SchedulerOptions.TryParse(sampler) ?? throw new UsageException($"The sampler \"{sampler}\" is not known here; the nearest is --sampler \"{SchedulerTypes.Nearest(sampler)}\".");
        return scheduler with
        {
            Schedule = schedule is null ? scheduler.Schedule
                : SigmaSchedules.Find(schedule) ?? throw new UsageException($"The schedule \"{schedule}\" is not known here; the nearest is --schedule \"{SigmaSchedules.Nearest(schedule)}\"."),
            Eta = eta ?? scheduler.Eta,
        };
    }

    // Random data stand for prompts and noise; what the model leaves open has the size of a picture.
    private static Dictionary<string, OnnxValue> MakeInputs(Model model, PipelineConfiguration configuration)
    {
        const int UsualSize = 64;
        Dictionary<string, long> sizes = [];
        foreach (ValueMetadata input in model.Inputs)
        {
            for (int i = 1; i < input.Dimensions?.Count; i++)
            {
                if (input.Dimensions[i] is { IsKnown: false, Symbol: { } symbol })
                {
                    sizes[symbol] = (input.Dimensions.Count, i) switch
                    {
                        (4, 1) => configuration.LatentChannels,
                        (4, 2) => configuration.LatentHeight ?? UsualSize,
                        (4, 3) => configuration.LatentWidth ?? UsualSize,
                        (_, 1) => configuration.Tokenizer.ContextLength,
                        _ => 1,
                    };
                }
            }
        }

        return new InputTensors(model, [], sizes, seed: 0, PictureOptions.Default).Create(_ => { });
    }

    /// <summary>Writes the pictures; returns the file of each.</summary>
    private static List<string> Save(IReadOnlyList<GeneratedImage> images, string output, bool grid, int enlarge)
    {
        if (grid || images.Count == 1)
        {
            RgbImage picture = images.Count == 1
                ? images[0].Image
                : ImageGrid.Arrange([.. images.Select(image => image.Image)], (int)Math.Ceiling(Math.Sqrt(images.Count)));
            string text = images[0].Parameters.ToString();
            PngFile.Write(output, picture.Enlarge(enlarge), images.Count == 1 ? text : $"{text}, Seeds: {images[0].Seed} to {images[^1].Seed}");
            return [.. images.Select(_ => output)];
        }

        List<string> files = [];
        foreach (GeneratedImage image in images)
        {
            string file = Path.ChangeExtension(output, null) + $"-{image.Seed}.png";
            PngFile.Write(file, image.Image.Enlarge(enlarge), image.Parameters.ToString());
            files.Add(file);
        }

        return files;
    }

    private static void Print(GenerationReport report, Terminal terminal)
    {
        string[] files = [.. report.Images.Select(image => image.File).Distinct()];
        foreach (string file in files)
        {
            terminal.Output.WriteLine($"picture  {file}");
        }

        ImageReport first = report.Images[0];
        string seeds = report.Images.Count == 1 ? $"seed {first.Seed}" : $"seeds {first.Seed} to {report.Images[^1].Seed}";
        terminal.Output.WriteLine($"         {report.Prompt}");
        terminal.Output.WriteLine($"         {first.Width}x{first.Height}, {seeds}, {report.Steps} steps, {report.Sampler} ({report.Schedule}), guidance {report.Guidance}");
        string stages = string.Join(", ", report.Stages.Select(stage => $"{stage.Name} {Quantity.Seconds(stage.TotalS)}"));
        terminal.Output.WriteLine($"time     {Quantity.Seconds(report.TotalS)} ({stages})");
        terminal.Output.WriteLine($"memory   {Quantity.Bytes(report.PeakRssBytes)} peak of the process, {Quantity.Bytes(report.PeakNativeBytes)} of it native");
        if (report.MemoryBudgetBytes is { } limit)
        {
            terminal.Output.WriteLine($"limit    {Quantity.Bytes(limit)}");
        }

        terminal.Output.WriteLine($"weights  {Quantity.Bytes(report.WeightsBytesStreamed)} streamed in {report.Stages.Sum(stage => stage.Runs)} runs");
    }

    private static string StageName(PipelineStage stage) => stage switch
    {
        PipelineStage.TextEncoding => "text encoding",
        PipelineStage.ImageEncoding => "image encoding",
        PipelineStage.Denoising => "denoising",
        PipelineStage.Upscaling => "upscaling",
        _ => "decoding",
    };

    private sealed class TileReporter(ProgressDisplay.Reporter report, int index, int count) : IProgress<double>
    {
        public void Report(double value) => report("upscaling", (index + value) / count);
    }

    private sealed class StageReporter(ProgressDisplay.Reporter report) : IProgress<PipelineProgress>
    {
        public void Report(PipelineProgress value)
        {
            report(StageName(value.Stage), (double)value.Step / value.StepCount);
            if (value.Step == 0)
            {
                // What the stage before needed of the program, this one may not.
                ProgramPages.LetGo();
            }
        }
    }
}
