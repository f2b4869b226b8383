using OnnxStream.Interop.Pipelines;

namespace OnnxStream.Interop.Vision;

/// <summary>PP-OCR's second stage: says which lines are upside down.</summary>
internal sealed class TextDirectionClassifier : IDisposable
{
    private const int Height = 48, Width = 192, BatchSize = 8;

    private readonly ModelStage _stage;
    private readonly string _input;
    private readonly string _output;

    public TextDirectionClassifier(string path, SessionOptions? options)
    {
        _stage = new ModelStage(path, new PipelineFiles(null));
        (_input, _output) = VisionModel.Require(_stage, "the direction of text", 2);
        _stage.Prepare(options);
    }

    public StageTotals Totals => _stage.Totals;

    /// <summary>How sure each line is upside down, 0 to 1.</summary>
    public float[] Classify(IReadOnlyList<Picture> lines, CancellationToken cancellationToken)
    {
        List<float> scores = [];
        foreach (Picture[] batch in lines.Chunk(BatchSize))
        {
            TensorBuffer output = _stage.Run(new Dictionary<string, TensorBuffer> { [_input] = TextLineInput.Create(batch, Height, Width) }, cancellationToken)[_output];
            if (output.ElementType != ElementType.Float32 || output.Shape != new Shape(batch.Length, 2))
            {
                throw new ModelFormatException(_stage.Path, $"this is no classifier of directions: its output is {output.Type}; expected float[{batch.Length},2].");
            }

            for (int i = 0; i < batch.Length; i++)
            {
                scores.Add(output.Span<float>()[(2 * i) + 1]);
            }
        }

        return [.. scores];
    }

    public void Dispose() => _stage.Dispose();
}
