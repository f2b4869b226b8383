using System.CommandLine;
using OnnxStream.Interop.Cli.Reports;
using OnnxStream.Interop.Cli.Tensors;
using OnnxStream.Interop.Diffusion;
using OnnxStream.Interop.Diffusion.Schedulers;
using OnnxStream.Interop.Weights;

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

    private readonly Option<string> _model = new("--model", "-m")
    {
        Description = "The folder of a Stable Diffusion 1.5 model: an ONNX export (text_encoder, unet, vae_decoder, tokenizer), or OnnxStream's; or the address of one (http://, https://).",
        HelpName = "DIR",
        Required = true,
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

    private readonly Option<bool> _json = JsonOption();

    public StableDiffusionCommand()
        : base("sd", "Make pictures from text with Stable Diffusion.")
    {
        Add(_prompt);
        foreach (Option option in (Option[])[
            _model, _negativePrompt, _steps, _seed, _guidance, _count, _sampler, _schedule, _eta, _output, _grid, _enlarge, _threads, _weights, _panelStore, _panelType, _targetError, _activationType, _json])
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
        "onnxstream sd \"a red circle on a blue background\" --model models/tiny-shapes --enlarge 4",
        "onnxstream sd \"a cat in a space suit\" --model stable-diffusion-1.5 --seed 42 --steps 20 --output cat.png",
        "onnxstream sd \"a green triangle\" --model http://192.168.1.2:8000/tiny-shapes    streamed from a server; nothing is written",
        "onnxstream sd \"a lighthouse\" --model stable-diffusion-1.5 --count 4 --grid --negative-prompt \"blurry\" --sampler euler",
        "onnxstream sd \"a lighthouse\" --model stable-diffusion-1.5 --sampler \"DPM++ 2M Karras\" --steps 15",
        "onnxstream sd \"a lighthouse\" --model stable-diffusion-1.5 --sampler ddim --schedule trailing --eta 0.5",
    ];

    protected override void Execute(ParseResult arguments, Terminal terminal, CancellationToken cancellationToken)
    {
        string folder = arguments.GetRequiredValue(_model);
        if (!HttpFiles.IsAddress(folder))
        {
            RequireExisting(folder);
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
        PipelineConfiguration configuration = server is null ? PipelineConfiguration.FromFolder(folder) : PipelineConfiguration.FromFiles(server);
        Dictionary<PipelineStage, SessionOptions> stages = new()
        {
            [PipelineStage.TextEncoding] = Choose(configuration.TextEncoderPath),
            [PipelineStage.Denoising] = Choose(configuration.UnetPath),
            [PipelineStage.Decoding] = Choose(configuration.VaeDecoderPath),
        };
        StableDiffusionPipeline pipeline = new(configuration, stage => stages[stage]);
        int trainingSteps = pipeline.Configuration.NoiseSchedule.TrainingTimesteps;
        if (arguments.GetValue(_steps) > trainingSteps)
        {
            throw new UsageException($"--steps must be at most {trainingSteps}, the number of time steps that the model was trained with.");
        }

        GenerationOptions options = new()
        {
            Prompt = arguments.GetRequiredValue(_prompt),
            NegativePrompt = arguments.GetRequiredValue(_negativePrompt),
            Steps = arguments.GetValue(_steps),
            Seed = arguments.GetValue(_seed),
            GuidanceScale = arguments.GetValue(_guidance),
            ImageCount = arguments.GetValue(_count),
            Scheduler = ReadScheduler(arguments, configuration),
        };

        // A folder that cannot be made should stop a long generation before it starts.
        if (Path.GetDirectoryName(output) is { Length: > 0 } outputFolder)
        {
            Directory.CreateDirectory(outputFolder);
        }

        GenerationResult result = ProgressDisplay.Show(
            terminal, report => pipeline.Generate(options, new StageReporter(report), cancellationToken));
        if (result.DroppedTokenCount > 0)
        {
            terminal.Error.WriteLine($"warning: the prompts are too long for the model; their last {result.DroppedTokenCount} tokens were left out.");
        }

        IReadOnlyList<string> files = Save(result.Images, output, arguments.GetValue(_grid), arguments.GetValue(_enlarge));
        GenerationParameters parameters = result.Images[0].Parameters;
        GenerationReport report = new(
            [.. result.Images.Zip(files, (image, file) => new ImageReport(file, image.Seed, image.Width, image.Height))],
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
            result.Stages.Sum(stage => stage.WeightsBytesStreamed));
        if (arguments.GetValue(_json))
        {
            terminal.Output.WriteLine(ReportJson.Serialize(report));
        }
        else
        {
            Print(report, terminal);
        }

        SessionOptions Choose(string path)
        {
            if (targetError is null)
            {
                return sessionOptions;
            }

            Model model = server is null ? Model.Load(path) : Model.Load(server, path);
            return ChoosePanelTypes(terminal, model, sessionOptions, () => MakeInputs(model, configuration), targetError, cancellationToken);
        }
    }

    /// <summary>The sampler that the options name together, the model's where they name none; null where there are no options.</summary>
    private SchedulerOptions? ReadScheduler(ParseResult arguments, PipelineConfiguration configuration)
    {
        string? sampler = arguments.GetValue(_sampler), schedule = arguments.GetValue(_schedule);
        double? eta = arguments.GetValue(_eta);
        if (sampler is null && schedule is null && eta is null)
        {
            return null;
        }

        SchedulerOptions scheduler = sampler is null ? configuration.RecommendedScheduler : SchedulerOptions.Parse(sampler);
        return scheduler with
        {
            Schedule = schedule is null ? scheduler.Schedule : SigmaSchedules.Find(schedule),
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
        terminal.Output.WriteLine($"weights  {Quantity.Bytes(report.WeightsBytesStreamed)} streamed in {report.Stages.Sum(stage => stage.Runs)} runs");
    }

    private static string StageName(PipelineStage stage) => stage switch
    {
        PipelineStage.TextEncoding => "text encoding",
        PipelineStage.Denoising => "denoising",
        _ => "decoding",
    };

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
