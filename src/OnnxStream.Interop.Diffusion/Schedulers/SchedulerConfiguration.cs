using OnnxStream.Interop.Pipelines;

namespace OnnxStream.Interop.Diffusion.Schedulers;

/// <summary>What a <c>scheduler_config.json</c> of diffusers says of sampling.</summary>
internal static class SchedulerConfiguration
{
    /// <summary>The sampler that the file names, with its settings; null where it names none that there is.</summary>
    /// <exception cref="ModelFormatException">A setting is not what it should be.</exception>
    public static SchedulerOptions? Read(JsonFile file)
    {
        if (file.Text("_class_name") is not { } name || SchedulerOptions.TryParse(name) is not { } options)
        {
            return null;
        }

        int? order = file.PositiveInteger("solver_order");
        string algorithm = file.Text("algorithm_type") ?? "dpmsolver++";
        SchedulerType type = (options.Type, algorithm, order) switch
        {
            (SchedulerType.DpmPlusPlus2M, "sde-dpmsolver++" or "sde-dpmsolver", 3) => SchedulerType.DpmPlusPlus3MSde,
            (SchedulerType.DpmPlusPlus2M, "sde-dpmsolver++" or "sde-dpmsolver", _) when file.Text("solver_type") == "heun" => SchedulerType.DpmPlusPlus2MSdeHeun,
            (SchedulerType.DpmPlusPlus2M, "sde-dpmsolver++" or "sde-dpmsolver", _) => SchedulerType.DpmPlusPlus2MSde,

            // Third order without noise is that of the SDE with an eta of 0; first order is DDIM.
            (SchedulerType.DpmPlusPlus2M, _, 3) => SchedulerType.DpmPlusPlus3MSde,
            (SchedulerType.DpmPlusPlus2M, _, 1) => SchedulerType.Euler,
            _ => options.Type,
        };
        bool hasOrder = type is SchedulerType.UniPc or SchedulerType.Deis;
        return new SchedulerOptions(type, Schedule(file, type))
        {
            // diffusers' DPMSolverSinglestep adds no noise, and the eta of a file is not what its programs use.
            Eta = options.Type == SchedulerType.DpmPlusPlus2SAncestral || (type == SchedulerType.DpmPlusPlus3MSde && !algorithm.StartsWith("sde", StringComparison.Ordinal)) ? 0 : null,
            Order = hasOrder && order is { } number ? Math.Min(number, 3) : null,
            StepsOffset = file.NonNegativeInteger("steps_offset") ?? 0,
            EndsAtZero = !(file.Text("final_sigmas_type") == "sigma_min" || (type is SchedulerType.Ddim or SchedulerType.Plms && file.Boolean("set_alpha_to_one") == false)),
        };
    }

    private static SigmaSchedule Schedule(JsonFile file, SchedulerType type)
    {
        if (file.Boolean("use_karras_sigmas") == true)
        {
            return SigmaSchedule.Karras;
        }

        if (file.Boolean("use_exponential_sigmas") == true)
        {
            return SigmaSchedule.Exponential;
        }

        if (file.Boolean("use_beta_sigmas") == true)
        {
            return SigmaSchedule.Beta;
        }

        // Those that distilled models are sampled with take their time steps from the distillation.
        if (type is SchedulerType.Lcm or SchedulerType.Tcd)
        {
            return SigmaSchedule.Consistency;
        }

        string usual = type is SchedulerType.Ddim or SchedulerType.Ddpm or SchedulerType.Plms ? "leading" : "linspace";
        string spacing = file.Text("timestep_spacing") ?? usual;
        return spacing switch
        {
            "linspace" => SigmaSchedule.Uniform,
            "leading" => SigmaSchedule.Leading,
            "trailing" => SigmaSchedule.Trailing,
            _ => throw new ModelFormatException(file.FilePath, $"\"timestep_spacing\" is \"{spacing}\"; supported are linspace, leading and trailing."),
        };
    }
}
