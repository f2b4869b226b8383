using OnnxStream.Interop.Diffusion.RandomSources;
using OnnxStream.Interop.Diffusion.Schedulers.Runs;

namespace OnnxStream.Interop.Diffusion.Schedulers;

/// <summary>A sampler with its noise levels.</summary>
internal sealed class Scheduler : IScheduler
{
    private readonly SchedulerType _type;
    private readonly RunSettings _settings;

    public Scheduler(SchedulerOptions options, NoiseSchedule noise, int stepCount)
    {
        _type = options.Type;
        SigmaSchedule schedule = options.Schedule ?? options.Type.UsualSchedule();

        // Consistency models leave the noise of the first time step, which is next to none.
        NoiseLevels levels = new(noise, schedule, stepCount, options.StepsOffset, options.EndsAtZero && _type != SchedulerType.Tcd);
        _settings = new RunSettings(levels, options.Eta ?? options.Type.UsualEta(), options.Order ?? options.Type.UsualOrder(), KeepsVariance(_type));
        Timesteps = Array.ConvertAll(levels.Timesteps, timestep => (float)timestep);
        double first = levels.Sigmas[0];

        // Samples of k-diffusion begin as noise alone, where time steps begin below the last one as noise of the sample's variance.
        InitialNoiseSigma = (float)(_settings.KeepsVariance || schedule == SigmaSchedule.Leading ? Math.Sqrt((first * first) + 1) : first);
    }

    /// <inheritdoc/>
    public string Name => _type.DisplayName();

    /// <inheritdoc/>
    public string ScheduleName => _settings.Levels.Schedule.DisplayName();

    /// <inheritdoc/>
    public IReadOnlyList<double> Sigmas => _settings.Levels.Sigmas;

    /// <inheritdoc/>
    public IReadOnlyList<float> Timesteps { get; }

    /// <inheritdoc/>
    public float InitialNoiseSigma { get; }

    /// <inheritdoc/>
    public int EvaluationCount(int firstStep = 0)
    {
        int steps = Timesteps.Count - CheckStep(firstStep);

        // The last step of two evaluations, to no noise, takes one.
        bool endsAtZero = Sigmas[^1] == 0;
        return _type switch
        {
            SchedulerType.Heun or SchedulerType.Dpm2 or SchedulerType.Dpm2Ancestral or SchedulerType.DpmPlusPlus2SAncestral or SchedulerType.DpmPlusPlusSde =>
                (2 * steps) - (endsAtZero ? 1 : 0),
            SchedulerType.Plms when steps > 1 => steps + 1,
            _ => steps,
        };
    }

    /// <inheritdoc/>
    public ISamplingRun Start(ReadOnlySpan<float> sample, IRandomSource random, int firstStep = 0)
    {
        ArgumentNullException.ThrowIfNull(random);
        _ = CheckStep(firstStep);
        return Create(new SamplingState(firstStep, firstStep, sample.ToArray(), [], 0), random);
    }

    /// <inheritdoc/>
    public ISamplingRun Resume(SamplingState state, IRandomSource random)
    {
        ArgumentNullException.ThrowIfNull(state);
        ArgumentNullException.ThrowIfNull(random);
        if (state.FirstStep < 0 || state.Step < state.FirstStep || state.Step > Timesteps.Count || state.NoiseCount < 0 || state.History.Any(item => item.Length != state.Sample.Length))
        {
            throw new ArgumentException($"The state is not one of {Name} with {Timesteps.Count} steps: {state.Step} steps are behind, from {state.FirstStep} on.", nameof(state));
        }

        return Create(state, random);
    }

    private ISamplingRun Create(SamplingState state, IRandomSource random) => _type switch
    {
        SchedulerType.Euler or SchedulerType.EulerAncestral or SchedulerType.Ddim or SchedulerType.Ddpm => new EulerRun(_settings, state, random),
        SchedulerType.Heun => new HeunRun(_settings, state, random),
        SchedulerType.Dpm2 or SchedulerType.Dpm2Ancestral => new Dpm2Run(_settings, state, random),
        SchedulerType.Lms => new LmsRun(_settings, state, random),
        SchedulerType.DpmPlusPlus2SAncestral => new DpmPlusPlus2SRun(_settings, state, random),
        SchedulerType.DpmPlusPlus2M => new DpmPlusPlus2MRun(_settings, state, random),
        SchedulerType.DpmPlusPlus2MV2 => new DpmPlusPlus2MRun(_settings, state, random) { TakesMeanOfSteps = true },
        SchedulerType.DpmPlusPlus2MSde => new DpmPlusPlus2MSdeRun(_settings, state, random),
        SchedulerType.DpmPlusPlus2MSdeHeun => new DpmPlusPlus2MSdeRun(_settings, state, random) { IsHeun = true },
        SchedulerType.DpmPlusPlus3MSde => new DpmPlusPlus3MSdeRun(_settings, state, random),
        SchedulerType.DpmPlusPlusSde => new DpmPlusPlusSdeRun(_settings, state, random),
        SchedulerType.Plms => new PlmsRun(_settings, state, random),
        SchedulerType.UniPc => new UniPcRun(_settings, state, random),
        SchedulerType.Deis => new DeisRun(_settings, state, random),
        SchedulerType.Ipndm => new IpndmRun(_settings, state, random),
        SchedulerType.Lcm => new LcmRun(_settings, state, random),
        SchedulerType.Tcd => new TcdRun(_settings, state, random),
        _ => throw new InvalidOperationException($"No run is known for {_type}."),
    };

    // Those that were published for samples of constant variance.
    private static bool KeepsVariance(SchedulerType type) => type is
        SchedulerType.Ddim or SchedulerType.Ddpm or SchedulerType.Plms or SchedulerType.UniPc or SchedulerType.Deis or SchedulerType.Lcm or SchedulerType.Tcd;

    private int CheckStep(int step)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(step);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(step, Timesteps.Count);
        return step;
    }
}
