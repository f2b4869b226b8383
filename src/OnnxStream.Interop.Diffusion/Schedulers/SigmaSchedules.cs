namespace OnnxStream.Interop.Diffusion.Schedulers;

/// <summary>Names of schedules.</summary>
public static class SigmaSchedules
{
    /// <summary>The names that programs of this field show, one for each schedule.</summary>
    public static IReadOnlyList<string> Names { get; } = [.. Enum.GetValues<SigmaSchedule>().Select(DisplayName)];

    /// <summary>The name that programs of this field show, such as <c>SGM Uniform</c>.</summary>
    /// <param name="schedule">The schedule.</param>
    public static string DisplayName(this SigmaSchedule schedule) => SchedulerNames.DisplayName(schedule);

    /// <summary>Finds a schedule by any of its names; null if there is none of that name.</summary>
    /// <param name="name">The name; upper and lower case, spaces and underscores are alike.</param>
    public static SigmaSchedule? Find(string name) => SchedulerNames.FindSchedule(name);

    /// <summary>The name of a schedule that is nearest to one that there is not.</summary>
    /// <param name="name">The name.</param>
    public static string Nearest(string name) => SchedulerNames.NearestSchedule(name);
}
