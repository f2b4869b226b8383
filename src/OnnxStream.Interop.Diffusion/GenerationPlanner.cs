using OnnxStream.Interop.Diffusion.Adapters;
using OnnxStream.Interop.Diffusion.RandomSources;
using OnnxStream.Interop.Diffusion.Schedulers;
using OnnxStream.Interop.Pipelines;

namespace OnnxStream.Interop.Diffusion;

/// <summary>Says what the stages of a generation will do, and shares a budget between models that are open together.</summary>
/// <param name="prompts">Reads prompts.</param>
/// <param name="sessionOptions">How the session of a stage computes.</param>
internal sealed class GenerationPlanner(PromptEncoder prompts, Func<PipelineStage, SessionOptions?> sessionOptions)
{
    /// <summary>Plans a generation.</summary>
    /// <exception cref="OnnxStreamException">A model cannot be used, or does not belong to the others.</exception>
    public GenerationPlan Plan(GenerationSetup setup)
    {
        PipelineConfiguration configuration = setup.Configuration;
        PromptLayout layout = prompts.Read(setup.Options, setup.First.Steps, setup.HasNegative, setup.Unet);
        List<StagePlan> stages = [];
        int? width = 0, pooled = null;
        foreach (bool isSecond in layout.Second is null ? (bool[])[false] : [false, true])
        {
            using TextEncoder encoder = prompts.Open(isSecond, setup.Options);
            int texts = (isSecond ? layout.Second! : layout.First).Sum(chunks => chunks.Length);
            (StageNeed need, int sets) = encoder.Plan(sessionOptions(PipelineStage.TextEncoding), prompts.ChunkLength(isSecond), texts);
            Add(StagePlan.Of(
                PipelineStage.TextEncoding, isSecond ? "text encoder 2" : "text encoder", isSecond ? configuration.TextEncoder2Path! : configuration.TextEncoderPath, [sets], need));
            width += encoder.Width;
            pooled = isSecond ? encoder.PooledWidth : null;
        }

        if (width is { } given)
        {
            prompts.CheckWidth(setup.Unet, given);
        }

        if (setup.Options.Image is not null)
        {
            Add(PlanEncoding(setup, setup.First.Shape, setup.IsInpainting ? 2 : 1));
        }

        int ids = layout.First[0].Length * prompts.ChunkLength(isSecond: false);
        int states = width ?? setup.Unet.ContextWidth ?? throw new ModelFormatException(
            configuration.UnetPath, "neither the UNET nor the text encoder says how wide hidden states are, which a plan needs.");
        Denoise(setup.First);
        (GenerationOptions options, int pixels) = (setup.Options, configuration.PixelsPerLatent);
        SamplingPass last = setup.Second ?? setup.First;
        if (setup.Second is { } second)
        {
            if (options.Hires!.UpscalerPath is { } path)
            {
                Add(PlanDecoding(configuration, setup.First.Shape, options.ImageCount, options.Tiling));
                using Upscaler upscaler = new(path, sessionOptions(PipelineStage.Upscaling));
                Add(upscaler.Plan(checked((int)setup.First.Shape[3]) * pixels, checked((int)setup.First.Shape[2]) * pixels, options.ImageCount));
                Add(PlanEncoding(setup, second.Shape, options.ImageCount));
            }

            Denoise(second);
        }

        Add(PlanDecoding(configuration, last.Shape, options.ImageCount, options.Tiling));
        return new GenerationPlan(stages, checked((int)last.Shape[3]) * pixels, checked((int)last.Shape[2]) * pixels, options.ImageCount, setup.StepsTaken);

        void Denoise(SamplingPass pass)
        {
            int group = stages.Count;
            DenoisingPlan plan = PlanDenoising(setup, pass, ids, states, pooled ?? setup.Unet.TextEmbeddingWidth, layout.Negative.Count > 0);
            stages.AddRange(plan.Models.Select(model => model with { Group = group }));
        }

        void Add(StagePlan stage) => stages.Add(stage with { Group = stages.Count });
    }

    /// <summary>Plans the decoding of latents.</summary>
    /// <param name="configuration">The model.</param>
    /// <param name="latents">The latents of one picture.</param>
    /// <param name="pictures">The number of pictures.</param>
    /// <param name="tiling">Whether they are decoded in tiles.</param>
    public StagePlan PlanDecoding(PipelineConfiguration configuration, Shape latents, int pictures, VaeTiling tiling)
    {
        using VaeDecoder decoder = new(configuration.VaeDecoderPath, configuration.Files, configuration.Adaptation(PipelineComponent.VaeDecoder, []));
        SessionOptions? options = sessionOptions(PipelineStage.Decoding);
        return PlanTiles(
            PipelineStage.Decoding, "VAE decoder", configuration.VaeDecoderPath, configuration.PixelsPerLatent, pictures,
            decoder.ChooseTiles(tiling, latents, configuration.PixelsPerLatent, options),
            decoder.SmallestTiles(tiling, latents, configuration.PixelsPerLatent),
            (grid, free) => decoder.Plan(free ? WithBudget(options, null) : options, latents.With(2, grid.Rows.Tile).With(3, grid.Columns.Tile)));
    }

    /// <summary>What is done in each run of the UNET while noise becomes pictures, and how sessions that are open together compute.</summary>
    /// <param name="setup">The generation.</param>
    /// <param name="pass">The way.</param>
    /// <param name="ids">The ids of prompts.</param>
    /// <param name="width">The width of hidden states.</param>
    /// <param name="pooledWidth">The width of the pooled text, of SDXL.</param>
    /// <param name="hasNegative">Whether the negative prompt has influence.</param>
    public DenoisingPlan PlanDenoising(GenerationSetup setup, SamplingPass pass, long ids, long width, long? pooledWidth, bool hasNegative)
    {
        (GenerationOptions options, Unet unet) = (setup.Options, setup.Unet);
        (int Conditions, bool IsFresh)[] evaluations = CountConditions(setup, pass, hasNegative);
        int[] sets = Sets(true, unet.SetsFor), upperSets = Sets(false, unet.SetsFor);
        Shape latents = pass.Shape;
        UnetQuestion question = new(
            Zeros(latents.With(1, setup.IsInpainting ? (2 * latents[1]) + 1 : latents[1])),
            0,
            [new UnetCondition(Zeros(new Shape(1, ids, width))) { TextEmbedding = pooledWidth is { } pooled ? Zeros(new Shape(1, pooled)) : null, TimeIds = setup.TimeIds(pass) }]);
        IReadOnlyList<Shape>? residuals = setup.ControlNet is null ? [] : unet.ResidualShapes;
        UnetQuestion full = question with { Conditions = [question.Conditions[0] with { Residuals = [.. (residuals ?? []).Select(Zeros)] }] };
        SessionOptions? unetOptions = sessionOptions(PipelineStage.Denoising), controlOptions = unetOptions, upperOptions = unetOptions, previewOptions = null;
        int pixels = setup.Configuration.PixelsPerLatent;
        TensorBuffer picture = Zeros(new Shape(1, 3, latents[2] * pixels, latents[3] * pixels));
        int[] controlSets = Array.ConvertAll(evaluations, evaluation => options.ImageCount * evaluation.Conditions);
        using VaeDecoder? previewer = options.Preview is not null && setup.Configuration.TinyDecoderPath is { } tiny ? new VaeDecoder(tiny, setup.Configuration.Files) : null;

        // What is open beside the UNET gets what it needs at least, the UNET the rest.
        if (previewer is not null)
        {
            previewOptions = sessionOptions(PipelineStage.Decoding);
            (unetOptions, previewOptions) = Divide(unetOptions, previewOptions, previewer.Plan(WithBudget(previewOptions, null), latents).SmallestBudgetBytes);
        }

        if (setup.ControlNet is not null)
        {
            (unetOptions, controlOptions) = Divide(unetOptions, controlOptions, setup.ControlNet.Plan(WithBudget(controlOptions, null), question, picture, [1]).SmallestBudgetBytes);
        }

        const string Open = "the UNET leaves the sizes of a ControlNet's residuals open";
        bool hasUpper = options.CacheInterval > 1;
        if (hasUpper && residuals is not null && unet.PlanUpper(upperOptions, full, [1]) is { } least)
        {
            (unetOptions, upperOptions) = Divide(unetOptions, upperOptions, least.SmallestBudgetBytes);
        }

        List<StagePlan> models = [];
        string unetPath = setup.Configuration.UnetPath;
        models.Add(residuals is null
            ? StagePlan.OfUnknown(PipelineStage.Denoising, "UNET", unetPath, sets, Open)
            : StagePlan.Of(PipelineStage.Denoising, "UNET", unetPath, sets, unet.Plan(unetOptions, full, sets)));
        if (hasUpper)
        {
            const string Name = "UNET, last part";
            StageNeed? need = residuals is null ? null : unet.PlanUpper(upperOptions, full, upperSets.Length == 0 ? [1] : upperSets);
            models.Add(need is null
                ? StagePlan.OfUnknown(PipelineStage.Denoising, Name, unetPath, upperSets, residuals is null ? Open : "the size of what its deep layers make is known when they have run")
                : StagePlan.Of(PipelineStage.Denoising, Name, unetPath, upperSets, need));
        }

        if (setup.ControlNet is not null)
        {
            models.Add(StagePlan.Of(
                PipelineStage.Denoising, "ControlNet", setup.Configuration.ControlNetPath!, controlSets, setup.ControlNet.Plan(controlOptions, question, picture, controlSets)));
        }

        if (previewer is not null)
        {
            int taken = pass.Steps - pass.FirstStep, previews = options.ImageCount * ((taken + options.PreviewInterval - 1) / options.PreviewInterval);
            models.Add(StagePlan.Of(
                PipelineStage.Denoising, "preview decoder", setup.Configuration.TinyDecoderPath!, [.. Enumerable.Repeat(1, previews)], previewer.Plan(previewOptions, latents)));
        }

        return new DenoisingPlan(models, new DenoisingOptions(unetOptions, upperOptions, controlOptions, previewOptions));

        int[] Sets(bool isFresh, Func<int, int> setsFor) => [.. evaluations.Where(evaluation => evaluation.IsFresh == isFresh).Select(evaluation => options.ImageCount * setsFor(evaluation.Conditions))];
    }

    private StagePlan PlanEncoding(GenerationSetup setup, Shape latents, int pictures)
    {
        PipelineConfiguration configuration = setup.Configuration;
        int pixels = configuration.PixelsPerLatent;
        using VaeEncoder encoder = new(configuration.VaeEncoderPath!, configuration.Files, configuration.Adaptation(PipelineComponent.VaeEncoder, []));
        SessionOptions? options = sessionOptions(PipelineStage.ImageEncoding);
        return PlanTiles(
            PipelineStage.ImageEncoding, "VAE encoder", configuration.VaeEncoderPath!, pixels, pictures,
            encoder.ChooseTiles(setup.Options.Tiling, latents, pixels, options),
            encoder.SmallestTiles(setup.Options.Tiling, latents, pixels),
            (grid, free) => encoder.Plan(free ? WithBudget(options, null) : options, new Shape(1, 3, grid.Rows.Tile * pixels, grid.Columns.Tile * pixels)));
    }

    private static StagePlan PlanTiles(
        PipelineStage stage, string model, string path, int pixels, int pictures, TileGrid grid, TileGrid smallest, Func<TileGrid, bool, StageNeed> plan)
    {
        StageNeed need = plan(grid, false);
        if ((smallest.Rows.Tile, smallest.Columns.Tile) != (grid.Rows.Tile, grid.Columns.Tile))
        {
            need = need with { SmallestBudgetBytes = Math.Min(need.SmallestBudgetBytes, plan(smallest, true).SmallestBudgetBytes) };
        }

        StagePlan result = StagePlan.Of(stage, model, path, [.. Enumerable.Repeat(1, pictures * grid.Count)], need);
        return grid.Count == 1 ? result : result with { TileWidth = grid.Columns.Tile * pixels, TileHeight = grid.Rows.Tile * pixels };
    }

    // The conditions that each evaluation of a picture asks about, and whether the whole UNET computes. Samplers do not look at numbers to decide what they ask for, so one of a sample stands for all.
    private static (int Conditions, bool IsFresh)[] CountConditions(GenerationSetup setup, SamplingPass pass, bool hasNegative)
    {
        List<(int Conditions, bool IsFresh)> counts = [];
        int kept = 0;
        ISamplingRun run = pass.Scheduler.Start([0], new PhiloxRandomSource(0), pass.FirstStep);
        while (!run.IsDone)
        {
            int count = hasNegative && GuidedDenoiser.IsGuided(setup.Options, pass.Steps, run.Step) ? 2 : 1, sets = setup.Unet.SetsFor(count);

            // Where guidance begins or ends, there is nothing kept of as many sets.
            bool isFresh = GuidedDenoiser.IsFresh(setup.Options, run.Step - pass.FirstStep) || sets != kept;
            kept = isFresh ? sets : kept;
            counts.Add((count, isFresh));
            run.Continue([0]);
        }

        return [.. counts];
    }

    private static (SessionOptions? Main, SessionOptions? Beside) Divide(SessionOptions? options, SessionOptions? beside, long bytes) => options?.MemoryBudget is { } budget
        ? (WithBudget(options, Math.Max(1, budget - bytes)), WithBudget(beside, Math.Min(budget, bytes)))
        : (options, beside);

    private static SessionOptions? WithBudget(SessionOptions? options, long? budget) => options is null && budget is null ? null : (options ?? new SessionOptions()) with { MemoryBudget = budget };

    private static TensorBuffer Zeros(Shape shape) => new(ElementType.Float32, shape);
}
