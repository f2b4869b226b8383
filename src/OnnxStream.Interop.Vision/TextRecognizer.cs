using System.Numerics.Tensors;
using System.Text;
using OnnxStream.Interop.Pipelines;

namespace OnnxStream.Interop.Vision;

/// <summary>PP-OCR's third stage: reads a line.</summary>
internal sealed class TextRecognizer : IDisposable
{
    // The height and least width of the training; widths in steps, so that few plans are made.
    private const int Height = 48, LeastWidth = 320, WidthStep = 64, MostWidth = 3200;

    // Pixels, at the network's height, of one run.
    private const int BatchWidth = 1920;

    private readonly ModelStage _stage;
    private readonly string[] _characters;
    private readonly string _charactersPath;
    private readonly string _input;
    private readonly string _output;

    public TextRecognizer(string path, string[] characters, string charactersPath, SessionOptions? options)
    {
        _characters = characters;
        _charactersPath = charactersPath;
        _stage = new ModelStage(path, new PipelineFiles(null));
        (_input, _output) = VisionModel.Require(_stage, "reading text", 3);
        _stage.Prepare(options);
    }

    public StageTotals Totals => _stage.Totals;

    /// <summary>The text of each line, and how sure it is.</summary>
    public (string Text, float Score)[] Read(IReadOnlyList<Picture> lines, CancellationToken cancellationToken)
    {
        (string Text, float Score)[] results = new (string, float)[lines.Count];
        int[] order = [.. Enumerable.Range(0, lines.Count).OrderBy(i => WidthOf(lines[i]))];
        for (int done = 0; done < order.Length;)
        {
            int width = WidthOf(lines[order[done]]);
            int[] batch = [.. order.Skip(done).Take(Math.Max(1, BatchWidth / width)).TakeWhile(i => WidthOf(lines[i]) == width)];
            TensorBuffer input = TextLineInput.Create([.. batch.Select(i => lines[i])], Height, width);
            TensorBuffer output = _stage.Run(new Dictionary<string, TensorBuffer> { [_input] = input }, cancellationToken)[_output];
            Check(output, batch.Length);
            int length = (int)(output.Shape[1] * output.Shape[2]);
            for (int i = 0; i < batch.Length; i++)
            {
                results[batch[i]] = Decode(output.Span<float>().Slice(i * length, length), (int)output.Shape[2]);
            }

            done += batch.Length;
        }

        return results;
    }

    public void Dispose() => _stage.Dispose();

    // Classes are: nothing, the characters of the list, and a space that is not in it.
    private void Check(TensorBuffer output, int count)
    {
        if (output.ElementType != ElementType.Float32 || output.Shape is not { Rank: 3 } || output.Shape[0] != count)
        {
            throw new ModelFormatException(_stage.Path, $"this is no model that reads text: its output is {output.Type}; expected float[{count},positions,classes].");
        }

        if (output.Shape[2] != _characters.Length + 1 && output.Shape[2] != _characters.Length + 2)
        {
            throw new ModelFormatException(_charactersPath, $"the list has {_characters.Length:N0} characters, and {_stage.Path} knows {output.Shape[2]:N0} classes, which are one or two more: they do not belong together.");
        }
    }

    // Connectionist temporal classification (Graves et al., 2006), the best class of each position: repeated ones are one, and class 0 is none.
    private (string Text, float Score) Decode(ReadOnlySpan<float> scores, int classes)
    {
        StringBuilder text = new();
        double sum = 0;
        int count = 0, before = 0;
        for (int start = 0; start < scores.Length; start += classes)
        {
            ReadOnlySpan<float> position = scores.Slice(start, classes);
            int best = TensorPrimitives.IndexOfMax(position);
            if (best > 0 && best != before)
            {
                _ = text.Append(best <= _characters.Length ? _characters[best - 1] : " ");
                sum += position[best];
                count++;
            }

            before = best;
        }

        return (text.ToString(), count == 0 ? 0 : (float)(sum / count));
    }

    private static int WidthOf(Picture line) => Math.Clamp((TextLineInput.WidthFor(line, Height) + WidthStep - 1) / WidthStep * WidthStep, LeastWidth, MostWidth);
}
