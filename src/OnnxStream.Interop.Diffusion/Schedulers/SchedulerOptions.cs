namespace OnnxStream.Interop.Diffusion.Schedulers;

/// <summary>A sampler and how it is used. Immutable: derive variants with <c>with</c>; null stands for what is usual with the sampler.</summary>
/// <param name="Type">The sampler.</param>
/// <param name="Schedule">How noise levels are spread.</param>
public sealed record SchedulerOptions(SchedulerType Type, SigmaSchedule? Schedule = null)
{
    /// <summary>
    /// How much of the noise that may be new in a step is new, from 0 (none) on. Usual is 1 for ancestral samplers, SDEs and DDPM, 0.3
    /// for TCD, 0 for the others, of which only DDIM takes another number.
    /// </summary>
    public double? Eta
    {
        get;
        init
        {
            if (value is { } eta && !(eta >= 0 && double.IsFinite(eta)))
            {
                throw new ArgumentOutOfRangeException(nameof(value), eta, "Eta should be a number of at least 0.");
            }

            field = value;
        }
    }

    /// <summary>The order of LMS (up to 4; 4 is usual), DEIS and UniPC (up to 3; 2 is usual).</summary>
    public int? Order
    {
        get;
        init
        {
            ArgumentOutOfRangeException.ThrowIfLessThan(value ?? 1, 1);
            ArgumentOutOfRangeException.ThrowIfGreaterThan(value ?? 1, 4);
            field = value;
        }
    }

    /// <summary>What is added to the time steps of <see cref="SigmaSchedule.Leading"/>; Stable Diffusion uses 1.</summary>
    public int StepsOffset
    {
        get;
        init
        {
            ArgumentOutOfRangeException.ThrowIfNegative(value);
            field = value;
        }
    } = 1;

    /// <summary>Whether the last step removes all noise; else the noise of the training's first time step is left, unless the last step begins with it.</summary>
    public bool EndsAtZero { get; init; } = true;

    /// <summary>A sampler as it is usual.</summary>
    /// <param name="type">The sampler.</param>
    public static implicit operator SchedulerOptions(SchedulerType type) => new(type);

    /// <summary>A sampler as it is usual.</summary>
    /// <param name="type">The sampler.</param>
    public static SchedulerOptions FromSchedulerType(SchedulerType type) => new(type);

    /// <summary>Reads the name of a sampler, alone or with that of a schedule behind it: <c>DPM++ 2M Karras</c>, <c>euler_a</c>, <c>DDIMScheduler</c>.</summary>
    /// <param name="name">The name, as web interfaces, diffusers, ComfyUI or OnnxStream have it; upper and lower case, spaces and underscores are alike.</param>
    /// <exception cref="FormatException">There is none of that name; the message offers the nearest.</exception>
    public static SchedulerOptions Parse(string name) => TryParse(name) ?? throw new FormatException(
        $"The sampler \"{name}\" is not known; did you mean \"{SchedulerNames.Nearest(name)}\"? Known are {string.Join(", ", SchedulerTypes.Names)}, alone or with a schedule behind: {string.Join(", ", SigmaSchedules.Names)}.");

    /// <summary>As <see cref="Parse"/>; null where there is none of that name.</summary>
    /// <param name="name">The name.</param>
    public static SchedulerOptions? TryParse(string name) => SchedulerNames.Find(name);

    /// <summary>Makes the scheduler.</summary>
    /// <param name="noise">The noise that the model was trained with.</param>
    /// <param name="stepCount">The number of steps, from 1 to that of the training's time steps; for LCM and TCD at most 50.</param>
    public IScheduler Create(NoiseSchedule noise, int stepCount)
    {
        ArgumentNullException.ThrowIfNull(noise);
        return new Scheduler(this, noise, stepCount);
    }
}
