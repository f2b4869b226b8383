using OnnxStream.Interop.Diffusion.RandomSources;
using OnnxStream.Interop.Diffusion.Schedulers;

namespace OnnxStream.Interop.Diffusion;

/// <summary>What to generate. Immutable: derive variants with <c>with</c>; null stands for what suits the model.</summary>
public sealed record GenerationOptions
{
    /// <summary>What the pictures should show.</summary>
    public required string Prompt { get; init; }

    /// <summary>What they should not show; empty for nothing in particular.</summary>
    public string NegativePrompt { get; init; } = "";

    /// <summary>LoRAs that change the models for this generation.</summary>
    public IReadOnlyList<LoraAdapter> Adapters { get; init; } = [];

    /// <summary>Where the LoRAs are that a prompt names: <c>&lt;lora:NAME:0.8&gt;</c> is <c>NAME.safetensors</c> in it; null (the default) to refuse such prompts.</summary>
    public string? LoraFolder { get; init; }

    /// <summary>The number of sampling steps, from 1 to the number of time steps of the training.</summary>
    public int? Steps { get; init; }

    /// <summary>The seed of the first picture; the others have the seeds that follow. Null for a random one.</summary>
    public long? Seed { get; init; }

    /// <summary>How strongly the prompt is followed; 1 for the prompt's prediction alone, which takes half the time.</summary>
    public float? GuidanceScale { get; init; }

    /// <summary>The number of pictures.</summary>
    public int ImageCount { get; init; } = 1;

    /// <summary>The sampler and its schedule; a <see cref="SchedulerType"/> stands for the sampler as it is usual.</summary>
    public SchedulerOptions? Scheduler { get; init; }

    /// <summary>The width in pixels, a multiple of what the model's latents stand for (8); null for that of <see cref="Image"/>, or what suits the model.</summary>
    public int? Width { get; init; }

    /// <summary>The height in pixels, as the width.</summary>
    public int? Height { get; init; }

    /// <summary>
    /// How much of the contrast that guidance adds is taken back, from 0 to 1 (Lin et al. 2023,
    /// <see href="https://arxiv.org/abs/2305.08891"/>, section 3.4).
    /// </summary>
    public float GuidanceRescale { get; init; }

    /// <summary>The part of the steps, from 0 to 1, before which there is no guidance (Kynkäänniemi et al. 2024, <see href="https://arxiv.org/abs/2404.07724"/>).</summary>
    public float GuidanceStart { get; init; }

    /// <summary>The part of the steps, from 0 to 1, from which on there is no guidance, so that each takes half the time.</summary>
    public float GuidanceEnd { get; init; } = 1;

    /// <summary>Which of the text encoder's last layers is used: 1 for the one that is usual with the model, 2 for the one before.</summary>
    public int ClipSkip { get; init; } = 1;

    /// <summary>Whether brackets and BREAK in prompts are text like any other; else they are weights, changes in the course of steps, and ends of chunks.</summary>
    public bool IsPlainPrompt { get; init; }

    /// <summary>A picture to begin with; null for noise alone. Of the size that is asked for.</summary>
    public RgbImage? Image { get; init; }

    /// <summary>How far the picture may change, from 0 (not at all) to 1: the part of the steps that is taken.</summary>
    public float Strength { get; init; } = 0.75f;

    /// <summary>What of the picture is drawn anew: white; what stays: black. As large as the picture; null for all of it.</summary>
    public RgbImage? Mask { get; init; }

    /// <summary>How far the edge of the mask is blurred, as the standard deviation in pixels.</summary>
    public float MaskBlur { get; init; } = 4;

    /// <summary>A picture that a ControlNet follows, prepared as it wants it (edges, a pose); null for none.</summary>
    public RgbImage? ControlImage { get; init; }

    /// <summary>How strongly the ControlNet counts.</summary>
    public float ControlScale { get; init; } = 1;

    /// <summary>
    /// Every how many steps the whole UNET computes; 1 (the default) for all. In the steps between, its deep layers are not computed, nor their weights read: the layers nearest to
    /// the picture go on from what they made last (DeepCache, Ma et al. 2023, <see href="https://arxiv.org/abs/2312.00858"/>). Pictures change a little, more so with larger numbers.
    /// </summary>
    public int CacheInterval { get; init; } = 1;

    /// <summary>Draws the picture once more, larger; null for not. <see cref="Width"/> and <see cref="Height"/> are those of the first drawing.</summary>
    public HiresFix? Hires { get; init; }

    /// <summary>Whether the VAE works in tiles.</summary>
    public VaeTiling Tiling { get; init; } = new();

    /// <summary>Receives a coarse picture of what there is, after every <see cref="PreviewInterval"/> steps; null for none.</summary>
    public Action<GenerationPreview>? Preview { get; init; }

    /// <summary>The number of steps between previews.</summary>
    public int PreviewInterval { get; init; } = 1;

    /// <summary>Receives what <see cref="Resume"/> takes, one state for each picture, after every <see cref="SaveInterval"/> steps but the last; null for none.</summary>
    public Action<IReadOnlyList<SamplingState>>? Save { get; init; }

    /// <summary>The number of steps between states that are saved.</summary>
    public int SaveInterval { get; init; } = 1;

    /// <summary>
    /// Where a generation that was saved goes on: the states of all pictures, of the same model, options and seed; null to begin. The pictures are those that
    /// an uninterrupted generation makes.
    /// </summary>
    public IReadOnlyList<SamplingState>? Resume { get; init; }

    /// <summary>Where the noise of a seed comes from.</summary>
    public RandomSourceType RandomSourceType { get; init; }

    /// <summary>Makes the source of a picture's noise from its seed; null for what <see cref="RandomSourceType"/> says.</summary>
    public Func<long, IRandomSource>? RandomSource { get; init; }
}
