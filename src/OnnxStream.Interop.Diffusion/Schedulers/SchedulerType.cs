namespace OnnxStream.Interop.Diffusion.Schedulers;

/// <summary>The schedulers that a generation can ask for.</summary>
public enum SchedulerType
{
    /// <summary><see cref="EulerScheduler"/>.</summary>
    Euler,

    /// <summary><see cref="EulerAncestralScheduler"/>.</summary>
    EulerAncestral,
}

/// <summary>Names of schedulers, and how to make them.</summary>
public static class SchedulerTypes
{
    // Every name under which a scheduler is known: ours, that of diffusers, that of web interfaces and of OnnxStream.
    private static readonly (SchedulerType Type, string[] Names)[] All =
    [
        (SchedulerType.Euler, ["euler", "EulerDiscreteScheduler"]),
        (SchedulerType.EulerAncestral, ["euler_ancestral", "EulerAncestralDiscreteScheduler", "euler_a", "Euler a"]),
    ];

    /// <summary>The names that users give on a command line, one for each scheduler.</summary>
    public static IReadOnlyList<string> Names { get; } = [.. All.Select(entry => entry.Names[0])];

    /// <summary>Makes a scheduler.</summary>
    /// <param name="type">Which one.</param>
    /// <param name="schedule">The noise that the model was trained with.</param>
    /// <param name="stepCount">The number of steps.</param>
    public static IScheduler Create(this SchedulerType type, NoiseSchedule schedule, int stepCount) => type switch
    {
        SchedulerType.Euler => new EulerScheduler(schedule, stepCount),
        SchedulerType.EulerAncestral => new EulerAncestralScheduler(schedule, stepCount),
        _ => throw new ArgumentOutOfRangeException(nameof(type), type, null),
    };

    /// <summary>Finds a scheduler by any of its names, upper and lower case alike; null if there is none of that name.</summary>
    /// <param name="name">The name, such as <c>euler_ancestral</c>, <c>euler_a</c> or <c>EulerAncestralDiscreteScheduler</c>.</param>
    public static SchedulerType? Find(string name)
    {
        foreach ((SchedulerType type, string[] names) in All)
        {
            if (names.Contains(name, StringComparer.OrdinalIgnoreCase))
            {
                return type;
            }
        }

        return null;
    }
}
