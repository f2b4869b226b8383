using OnnxStream.Interop.Diffusion.Schedulers;

namespace OnnxStream.Interop.Diffusion;

/// <summary>Answers the questions of the runs of all pictures: the UNET under the conditions of a step, guidance, and what is given of the picture.</summary>
internal sealed class GuidedDenoiser
{
    private readonly PipelineConfiguration _configuration;
    private readonly GenerationOptions _options;
    private readonly Unet _unet;
    private readonly ControlNet? _controlNet;
    private readonly EncodedPrompts _prompts;
    private readonly GivenPicture? _given;
    private readonly TensorBuffer? _controlPicture;
    private readonly ReadOnlyMemory<float>? _timestepCondition;
    private readonly float _guidance;
    private readonly int _steps;
    private readonly int _promptSteps;
    private readonly Shape _shape;
    private readonly DeepValues? _deep;
    private int? _firstStep;

    public GuidedDenoiser(
        PipelineConfiguration configuration, GenerationOptions options, Unet unet, ControlNet? controlNet, EncodedPrompts prompts, GivenPicture? given, TensorBuffer? controlPicture,
        float guidance, int steps, int promptSteps, Shape shape)
    {
        (_configuration, _options, _unet, _controlNet, _prompts, _given, _controlPicture) = (configuration, options, unet, controlNet, prompts, given, controlPicture);
        (_guidance, _steps, _promptSteps, _shape) = (guidance, steps, promptSteps, shape);
        _deep = options.CacheInterval > 1 ? new DeepValues() : null;
        _timestepCondition = unet.TimestepConditionWidth is { } width ? EmbedGuidance(guidance - 1, width) : null;
    }

    /// <summary>Whether a step asks the UNET about the negative prompt, too, where that has influence.</summary>
    /// <param name="options">What is asked for.</param>
    /// <param name="steps">The number of steps.</param>
    /// <param name="step">The step, from 0 on.</param>
    public static bool IsGuided(GenerationOptions options, int steps, int step) =>
        step >= (int)Math.Round(options.GuidanceStart * steps) && step < (int)Math.Round(options.GuidanceEnd * steps);

    /// <summary>Whether the whole UNET computes in a step.</summary>
    /// <param name="options">What is asked for.</param>
    /// <param name="step">The step, counted from the first that is taken.</param>
    public static bool IsFresh(GenerationOptions options, int step) => step % options.CacheInterval == 0;

    /// <summary>What samples would be without their noise. All of them, under both prompts, are one question to the UNET.</summary>
    /// <param name="evaluations">For each picture the sample and its noise, and the step, from 0 on.</param>
    /// <param name="cancellationToken">Cancels between operators.</param>
    public float[][] Denoise(IReadOnlyList<(Evaluation Evaluation, int Step)> evaluations, CancellationToken cancellationToken)
    {
        UnetQuestion[] questions = [.. evaluations.Select(picture => Ask(picture.Evaluation, picture.Step))];
        if (_controlNet is not null)
        {
            questions = Control(_controlNet, questions, cancellationToken);
        }

        // All pictures are in the same step.
        int step = evaluations[0].Step;
        bool isFresh = IsFresh(_options, step - (_firstStep ??= step));
        IReadOnlyList<IReadOnlyList<TensorBuffer>> answers = _unet.Predict(questions, _timestepCondition, _deep, isFresh, cancellationToken);
        return [.. answers.Select((predictions, i) => Combine(predictions, evaluations[i].Evaluation))];
    }

    // What the UNET is asked about a picture in a step: under the positive prompt last.
    private UnetQuestion Ask(Evaluation evaluation, int step)
    {
        // A UNET for inpainting sees the mask and what stays behind the latents.
        TensorBuffer input = new(ElementType.Float32, _shape.With(1, _shape[1] + (_given?.ExtraChannels.Length / (_shape[2] * _shape[3]) ?? 0)));
        int length = evaluation.Sample.Length;
        Preconditioning.ToInput(evaluation.Sample.Span, evaluation.Sigma, input.Span<float>()[..length]);
        _given?.ExtraChannels.CopyTo(input.Span<float>()[length..]);
        bool isGuided = _prompts.Negative.Count > 0 && IsGuided(_options, _steps, step);

        // Prompts change at parts of all steps.
        int promptStep = (int)((long)step * _promptSteps / _steps);
        List<UnetCondition> conditions = isGuided ? [EncodedPrompts.At(_prompts.Negative, promptStep)] : [];
        conditions.Add(EncodedPrompts.At(_prompts.Positive, promptStep));
        return new UnetQuestion(input, evaluation.Timestep, conditions);
    }

    // Adds what the ControlNet makes of each picture under each prompt.
    private UnetQuestion[] Control(ControlNet controlNet, UnetQuestion[] questions, CancellationToken cancellationToken)
    {
        int length = checked((int)_shape.ElementCount);
        UnetQuestion[] single = [.. questions.SelectMany(question => question.Conditions.Select(condition =>
            new UnetQuestion(TensorBuffer.Create<float>(question.Sample.Span<float>()[..length], _shape.Dimensions), question.Timestep, [condition])))];
        IReadOnlyList<IReadOnlyList<TensorBuffer>> residuals = controlNet.Compute(single, _controlPicture!, _options.ControlScale, cancellationToken);
        int next = 0;
        return Array.ConvertAll(questions, question => question with { Conditions = [.. question.Conditions.Select(condition => condition with { Residuals = residuals[next++] })] });
    }

    private float[] Combine(IReadOnlyList<TensorBuffer> predictions, Evaluation evaluation)
    {
        float[] output = predictions[^1].Span<float>().ToArray();
        if (predictions.Count > 1)
        {
            Guide(predictions[0].Span<float>(), output, _guidance, _options.GuidanceRescale);
        }

        Preconditioning.ToDenoised(_configuration.NoiseSchedule.PredictionType, evaluation.Sample.Span, evaluation.Sigma, output);
        _given?.Keep(output);
        return output;
    }

    /// <summary>Classifier-free guidance (Ho and Salimans 2022, https://arxiv.org/abs/2207.12598): away from one prediction, beyond the other.</summary>
    private static void Guide(ReadOnlySpan<float> unconditional, Span<float> conditional, float scale, float rescale)
    {
        double before = rescale > 0 ? Deviation(conditional) : 0;
        for (int i = 0; i < conditional.Length; i++)
        {
            conditional[i] = unconditional[i] + (scale * (conditional[i] - unconditional[i]));
        }

        if (rescale > 0 && Deviation(conditional) is > 0 and double after)
        {
            // Lin et al. 2023, equations 15 and 16.
            float factor = (float)((rescale * before / after) + 1 - rescale);
            foreach (ref float value in conditional)
            {
                value *= factor;
            }
        }
    }

    private static double Deviation(ReadOnlySpan<float> values)
    {
        double sum = 0, squares = 0;
        foreach (float value in values)
        {
            sum += value;
            squares += (double)value * value;
        }

        return Math.Sqrt(Math.Max(squares - (sum * sum / values.Length), 0) / Math.Max(values.Length - 1, 1));
    }

    // The guidance scale as latent consistency models take it: sines and cosines of a thousand times its excess over 1.
    private static float[] EmbedGuidance(float excess, int width)
    {
        int half = width / 2;
        float[] embedding = new float[width];
        for (int i = 0; i < half; i++)
        {
            double angle = 1000.0 * excess * Math.Exp(-i * Math.Log(10000) / (half - 1));
            embedding[i] = (float)Math.Sin(angle);
            embedding[half + i] = (float)Math.Cos(angle);
        }

        return embedding;
    }
}
