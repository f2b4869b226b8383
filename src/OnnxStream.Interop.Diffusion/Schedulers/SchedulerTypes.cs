namespace OnnxStream.Interop.Diffusion.Schedulers;

/// <summary>What is known of each sampler.</summary>
public static class SchedulerTypes
{
    /// <summary>The names that programs of this field show, one for each sampler.</summary>
    public static IReadOnlyList<string> Names { get; } = [.. Enum.GetValues<SchedulerType>().Select(DisplayName)];

    /// <summary>The name that programs of this field show, such as <c>DPM++ 2M SDE</c>.</summary>
    /// <param name="type">The sampler.</param>
    public static string DisplayName(this SchedulerType type) => SchedulerNames.DisplayName(type);

    /// <summary>The name, alone or with a schedule, that is nearest to one that there is not.</summary>
    /// <param name="name">The name.</param>
    public static string Nearest(string name) => SchedulerNames.Nearest(name);

    /// <summary>Makes a scheduler as it is usual.</summary>
    /// <param name="type">Which one.</param>
    /// <param name="schedule">The noise that the model was trained with.</param>
    /// <param name="stepCount">The number of steps.</param>
    public static IScheduler Create(this SchedulerType type, NoiseSchedule schedule, int stepCount) => new SchedulerOptions(type).Create(schedule, stepCount);

    /// <summary>The schedule that web interfaces use with a sampler where they are left to choose.</summary>
    internal static SigmaSchedule UsualSchedule(this SchedulerType type) => type switch
    {
        SchedulerType.Dpm2 or SchedulerType.Dpm2Ancestral or SchedulerType.DpmPlusPlus2SAncestral or SchedulerType.DpmPlusPlus2M or
        SchedulerType.DpmPlusPlus2MV2 or SchedulerType.DpmPlusPlusSde => SigmaSchedule.Karras,
        SchedulerType.DpmPlusPlus2MSde or SchedulerType.DpmPlusPlus2MSdeHeun or SchedulerType.DpmPlusPlus3MSde => SigmaSchedule.Exponential,
        SchedulerType.Ddim or SchedulerType.Ddpm or SchedulerType.Plms => SigmaSchedule.Leading,
        SchedulerType.Lcm or SchedulerType.Tcd => SigmaSchedule.Consistency,
        _ => SigmaSchedule.Uniform,
    };

    internal static double UsualEta(this SchedulerType type) => type switch
    {
        SchedulerType.EulerAncestral or SchedulerType.Dpm2Ancestral or SchedulerType.DpmPlusPlus2SAncestral or SchedulerType.DpmPlusPlus2MSde or
        SchedulerType.DpmPlusPlus2MSdeHeun or SchedulerType.DpmPlusPlus3MSde or SchedulerType.DpmPlusPlusSde or SchedulerType.Ddpm => 1,
        SchedulerType.Tcd => 0.3,
        _ => 0,
    };

    internal static int UsualOrder(this SchedulerType type) => type == SchedulerType.Lms ? 4 : 2;
}
