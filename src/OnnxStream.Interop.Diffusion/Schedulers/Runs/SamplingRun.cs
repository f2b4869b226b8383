using OnnxStream.Interop.Diffusion.RandomSources;

namespace OnnxStream.Interop.Diffusion.Schedulers.Runs;

/// <summary>What all samplers share: the step that is being taken, its evaluations, what is remembered, and what was drawn.</summary>
/// <remarks>A sampler is a method that takes one step and yields each evaluation that it needs; when it goes on, <see cref="Denoised"/> has the outcome.</remarks>
internal abstract class SamplingRun : ISamplingRun
{
    private readonly RunSettings _settings;
    private readonly IRandomSource _random;
    private readonly List<float[]> _history;
    private readonly int _firstStep;
    private float[] _sample;
    private SamplingState _saved;
    private IEnumerator<Evaluation>? _evaluations;
    private int _noiseCount;

    /// <summary>Stands at the begin of a step; noise that was drawn before is drawn again.</summary>
    protected SamplingRun(RunSettings settings, SamplingState state, IRandomSource random)
    {
        _settings = settings;
        _random = random;
        _firstStep = state.FirstStep;
        _sample = state.Sample.ToArray();
        _history = [.. state.History.Select(item => item.ToArray())];
        Step = state.Step;
        float[] drawn = new float[_sample.Length];
        for (; _noiseCount < state.NoiseCount; _noiseCount++)
        {
            random.NextNormal(drawn);
        }

        _saved = Snapshot();
        Advance();
    }

    /// <inheritdoc/>
    public int Step { get; private set; }

    /// <inheritdoc/>
    public bool IsDone => Step == Levels.Count;

    /// <inheritdoc/>
    public ReadOnlyMemory<float> Sample => _saved.Sample;

    /// <inheritdoc/>
    public ReadOnlyMemory<float> Result
    {
        get
        {
            if (!IsDone)
            {
                throw new InvalidOperationException($"The run has taken {Step} of its {Levels.Count} steps.");
            }

            // Noise that is left takes its part of the variance that the decoder expects.
            double sigma = Sigma(Step);
            return _settings.KeepsVariance && sigma > 0 ? Combine((1 / Math.Sqrt((sigma * sigma) + 1), _sample)) : _sample;
        }
    }

    /// <inheritdoc/>
    public Evaluation Next => IsDone ? throw new InvalidOperationException("All steps of the run are behind.") : _evaluations!.Current;

    /// <inheritdoc/>
    public void Continue(ReadOnlySpan<float> denoised)
    {
        if (IsDone)
        {
            throw new InvalidOperationException("All steps of the run are behind.");
        }

        ArgumentOutOfRangeException.ThrowIfNotEqual(denoised.Length, _sample.Length, nameof(denoised));
        Denoised = denoised.ToArray();
        if (!_evaluations!.MoveNext())
        {
            _evaluations.Dispose();
            _evaluations = null;
            Step++;
            _saved = Snapshot();
            Advance();
        }
    }

    /// <inheritdoc/>
    public SamplingState Save() => _saved;

    /// <summary>Takes a step: yields each evaluation that it needs, and sets <see cref="Current"/> to the sample after it.</summary>
    /// <param name="step">The step.</param>
    protected abstract IEnumerable<Evaluation> TakeStep(int step);

    /// <summary>The outcome of the latest evaluation.</summary>
    protected float[] Denoised { get; private set; } = [];

    /// <summary>The sample.</summary>
    protected float[] Current
    {
        get => _sample;
        set => _sample = value;
    }

    /// <summary>What is remembered of earlier steps, the latest first.</summary>
    protected IReadOnlyList<float[]> History => _history;

    /// <summary>The noise levels.</summary>
    protected NoiseLevels Levels => _settings.Levels;

    /// <summary>How much of the noise that may be new is new.</summary>
    protected double Eta => _settings.Eta;

    /// <summary>The order of a multistep method.</summary>
    protected int Order => _settings.Order;

    /// <summary>How many earlier steps of this run there are: a run that began in the middle has no others.</summary>
    protected int StepsTaken => Step - _firstStep;

    /// <summary>The noise before a step; after the last, what is left.</summary>
    protected double Sigma(int step) => Levels.Sigmas[step];

    /// <summary>The half-logarithm of the signal-to-noise ratio before a step, called lambda in the papers on DPM-Solver.</summary>
    protected double Lambda(int step) => -Math.Log(Sigma(step));

    /// <summary>The evaluation of a sample at the noise before a step.</summary>
    protected Evaluation At(float[] sample, int step) => new(sample, Sigma(step), (float)Levels.Timesteps[step]);

    /// <summary>The evaluation of a sample at any noise.</summary>
    protected Evaluation At(float[] sample, double sigma) => new(sample, sigma, (float)Levels.TimestepAt(sigma));

    /// <summary>The noise that a sample has according to its denoised picture, of unit variance: the derivative of the sample by sigma.</summary>
    protected static float[] Slope(float[] sample, float[] denoised, double sigma) => Combine((1 / sigma, sample), (-1 / sigma, denoised));

    /// <summary>A sample with its noise brought from one level to another: Euler's step.</summary>
    protected static float[] Move(float[] sample, float[] denoised, double from, double to) => Combine((to / from, sample), (1 - (to / from), denoised));

    /// <summary>A step with the mean of the slopes at both of its ends: of a sample, and of where Euler's step from it ends.</summary>
    /// <remarks>Put together from the pictures: a slope in single precision would lose digits where sigma is large.</remarks>
    protected static float[] Trapezoid(float[] sample, float[] denoised, float[] denoisedAtEnd, double from, double to)
    {
        double half = (to - from) / 2;
        return Combine((to / from, sample), (half * ((1 / to) - (2 / from)), denoised), (-half / to, denoisedAtEnd));
    }

    /// <summary>A step with several slopes: Euler's with the latest, and what the others differ from it.</summary>
    /// <param name="weights">The weight of each slope in <see cref="History"/>; together the length of the step.</param>
    /// <param name="step">The step.</param>
    protected float[] MoveAlongSlopes(ReadOnlySpan<double> weights, int step)
    {
        float[] end = Move(Current, Denoised, Sigma(step), Sigma(step + 1));
        double others = 0;
        List<(double Weight, float[] Values)> terms = [(1, end)];
        for (int i = 1; i < History.Count; i++)
        {
            terms.Add((weights[i], History[i]));
            others += weights[i];
        }

        terms.Add((-others, History[0]));
        return Combine([.. terms]);
    }

    /// <summary>Remembers something, and forgets what is older than the latest <paramref name="count"/>.</summary>
    protected void Remember(float[] item, int count)
    {
        _history.Insert(0, item);
        if (_history.Count > count)
        {
            _history.RemoveRange(count, _history.Count - count);
        }
    }

    /// <summary>Remembers these and nothing else.</summary>
    protected void Replace(IEnumerable<float[]> items)
    {
        _history.Clear();
        _history.AddRange(items);
    }

    /// <summary>Draws standard normal noise.</summary>
    protected float[] DrawNoise()
    {
        float[] noise = new float[_sample.Length];
        _random.NextNormal(noise);
        _noiseCount++;
        return noise;
    }

    /// <summary>Adds noise to the sample, if it is any.</summary>
    protected void AddNoise(double sigma)
    {
        if (sigma > 0)
        {
            Current = Combine((1, Current), (sigma, DrawNoise()));
        }
    }

    /// <summary>How far an ancestral step goes down, and by how much new noise brings it up again (the convention of k-diffusion).</summary>
    protected static (double Down, double Up) Ancestral(double from, double to, double eta)
    {
        double up = Math.Min(to, eta * Math.Sqrt(to * to * ((from * from) - (to * to)) / (from * from)));
        return (Math.Sqrt((to * to) - (up * up)), up);
    }

    /// <summary>A weighted sum, computed in double precision.</summary>
    protected static float[] Combine(params ReadOnlySpan<(double Weight, float[] Values)> terms)
    {
        float[] sum = new float[terms[0].Values.Length];
        for (int i = 0; i < sum.Length; i++)
        {
            double value = 0;
            foreach ((double weight, float[] values) in terms)
            {
                value += weight * values[i];
            }

            sum[i] = (float)value;
        }

        return sum;
    }

    private SamplingState Snapshot() => new(_firstStep, Step, _sample, [.. _history.Select(item => (ReadOnlyMemory<float>)item)], _noiseCount);

    private void Advance()
    {
        if (!IsDone)
        {
            _evaluations = TakeStep(Step).GetEnumerator();
            if (!_evaluations.MoveNext())
            {
                throw new InvalidOperationException("A step of a sampler needs an evaluation.");
            }
        }
    }
}
