using System.Text;

namespace OnnxStream.Interop.Diffusion.Schedulers;

/// <summary>Every name under which a sampler or a schedule is known: the one that web interfaces show first, then those of diffusers, ComfyUI and OnnxStream.</summary>
internal static class SchedulerNames
{
    private static readonly (SchedulerType Type, string[] Names)[] Types =
    [
        (SchedulerType.Euler, ["Euler", "EulerDiscreteScheduler", "k_euler"]),
        (SchedulerType.EulerAncestral, ["Euler a", "EulerAncestralDiscreteScheduler", "euler_ancestral", "k_euler_a"]),
        (SchedulerType.Heun, ["Heun", "HeunDiscreteScheduler", "k_heun"]),
        (SchedulerType.Dpm2, ["DPM2", "KDPM2DiscreteScheduler", "dpm_2", "k_dpm_2"]),
        (SchedulerType.Dpm2Ancestral, ["DPM2 a", "KDPM2AncestralDiscreteScheduler", "dpm_2_ancestral", "k_dpm_2_a"]),
        (SchedulerType.Lms, ["LMS", "LMSDiscreteScheduler", "k_lms", "ipndm_v", "ipndm_vo"]),
        (SchedulerType.DpmPlusPlus2SAncestral, ["DPM++ 2S a", "DPMSolverSinglestepScheduler", "dpmpp_2s_ancestral"]),
        (SchedulerType.DpmPlusPlus2M, ["DPM++ 2M", "DPMSolverMultistepScheduler", "dpmpp_2m"]),
        (SchedulerType.DpmPlusPlus2MV2, ["DPM++ 2M v2", "dpm++2mv2"]),
        (SchedulerType.DpmPlusPlus2MSde, ["DPM++ 2M SDE", "dpmpp_2m_sde"]),
        (SchedulerType.DpmPlusPlus2MSdeHeun, ["DPM++ 2M SDE Heun", "dpmpp_2m_sde_heun"]),
        (SchedulerType.DpmPlusPlus3MSde, ["DPM++ 3M SDE", "dpmpp_3m_sde", "dpm++3msde_a"]),
        (SchedulerType.DpmPlusPlusSde, ["DPM++ SDE", "DPMSolverSDEScheduler", "dpmpp_sde"]),
        (SchedulerType.Ddim, ["DDIM", "DDIMScheduler"]),
        (SchedulerType.Ddpm, ["DDPM", "DDPMScheduler", "ddpm_a"]),
        (SchedulerType.Plms, ["PLMS", "PNDMScheduler", "PNDM"]),
        (SchedulerType.UniPc, ["UniPC", "UniPCMultistepScheduler", "uni_pc_bh2"]),
        (SchedulerType.Deis, ["DEIS", "DEISMultistepScheduler"]),
        (SchedulerType.Ipndm, ["IPNDM", "IPNDMScheduler"]),
        (SchedulerType.Lcm, ["LCM", "LCMScheduler"]),
        (SchedulerType.Tcd, ["TCD", "TCDScheduler"]),
    ];

    // OnnxStream's names for what is here a sampler with another eta.
    private static readonly (string Name, SchedulerType Type, double Eta)[] WithEta =
        [("dpm++2s", SchedulerType.DpmPlusPlus2SAncestral, 0), ("ddim_a", SchedulerType.Ddim, 1), ("tcd_a", SchedulerType.Tcd, 0.5)];

    private static readonly (SigmaSchedule Schedule, string[] Names)[] Schedules =
    [
        (SigmaSchedule.Uniform, ["Uniform", "linspace", "normal"]),
        (SigmaSchedule.Karras, ["Karras"]),
        (SigmaSchedule.Exponential, ["Exponential"]),
        (SigmaSchedule.SgmUniform, ["SGM Uniform"]),
        (SigmaSchedule.Simple, ["Simple"]),
        (SigmaSchedule.Beta, ["Beta"]),
        (SigmaSchedule.AlignYourSteps, ["Align Your Steps", "AYS"]),
        (SigmaSchedule.AlignYourStepsXl, ["Align Your Steps XL", "AYS XL"]),
        (SigmaSchedule.Trailing, ["Trailing"]),
        (SigmaSchedule.Leading, ["DDIM", "leading", "ddim_uniform"]),
        (SigmaSchedule.Consistency, ["Consistency"]),
    ];

    private static readonly Dictionary<string, SchedulerOptions> TypesByName = Types
        .SelectMany(entry => entry.Names.Select(name => (Normalize(name), new SchedulerOptions(entry.Type))))
        .Concat(WithEta.Select(entry => (Normalize(entry.Name), new SchedulerOptions(entry.Type) { Eta = entry.Eta })))
        .DistinctBy(entry => entry.Item1)
        .ToDictionary(entry => entry.Item1, entry => entry.Item2, StringComparer.Ordinal);

    private static readonly Dictionary<string, SigmaSchedule> SchedulesByName = Schedules
        .SelectMany(entry => entry.Names.Select(name => (Normalize(name), entry.Schedule)))
        .ToDictionary(entry => entry.Item1, entry => entry.Schedule, StringComparer.Ordinal);

    public static string DisplayName(SchedulerType type) => Types.First(entry => entry.Type == type).Names[0];

    public static string DisplayName(SigmaSchedule schedule) => Schedules.First(entry => entry.Schedule == schedule).Names[0];

    public static SchedulerOptions? Find(string name)
    {
        ArgumentNullException.ThrowIfNull(name);
        string normalized = Normalize(name);
        if (TypesByName.TryGetValue(normalized, out SchedulerOptions? options))
        {
            return options;
        }

        foreach ((string suffix, SigmaSchedule schedule) in SchedulesByName)
        {
            if (normalized.EndsWith(suffix, StringComparison.Ordinal) && TypesByName.TryGetValue(normalized[..^suffix.Length], out options))
            {
                return options with { Schedule = schedule };
            }
        }

        return null;
    }

    public static SigmaSchedule? FindSchedule(string name)
    {
        ArgumentNullException.ThrowIfNull(name);
        return SchedulesByName.TryGetValue(Normalize(name), out SigmaSchedule schedule) ? schedule : null;
    }

    /// <summary>The shown name, alone or with a schedule, that takes the fewest changes of letters.</summary>
    public static string Nearest(string name) => NearestOf(
        name,
        Types.SelectMany(entry => entry.Names.Take(1).Concat(Schedules.Select(schedule => $"{entry.Names[0]} {schedule.Names[0]}"))));

    public static string NearestSchedule(string name) => NearestOf(name, Schedules.Select(entry => entry.Names[0]));

    private static string NearestOf(string name, IEnumerable<string> candidates)
    {
        string normalized = Normalize(name);
        return candidates.MinBy(candidate => Distance(normalized, Normalize(candidate)))!;
    }

    // Letters and digits, small; the pluses of DPM++, which others write pp.
    private static string Normalize(string name)
    {
        StringBuilder builder = new(name.Length);
        foreach (char character in name)
        {
            if (char.IsAsciiLetterOrDigit(character) || character == '+')
            {
                _ = builder.Append(char.ToLowerInvariant(character));
            }
        }

        return builder.Replace("dpmpp", "dpm++").ToString();
    }

    /// <summary>The number of letters to be put in, left out or replaced (Levenshtein's distance).</summary>
    private static int Distance(string from, string to)
    {
        int[] row = [.. Enumerable.Range(0, to.Length + 1)];
        for (int i = 1; i <= from.Length; i++)
        {
            int diagonal = row[0];
            row[0] = i;
            for (int j = 1; j <= to.Length; j++)
            {
                (diagonal, row[j]) = (row[j], Math.Min(Math.Min(row[j], row[j - 1]) + 1, diagonal + (from[i - 1] == to[j - 1] ? 0 : 1)));
            }
        }

        return row[^1];
    }
}
