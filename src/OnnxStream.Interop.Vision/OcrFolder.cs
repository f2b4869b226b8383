using OnnxStream.Interop.Pipelines;

namespace OnnxStream.Interop.Vision;

/// <summary>The files of PP-OCR in a folder: the detector, the recognizer with its characters, and the classifier of directions, which may lack.</summary>
internal sealed class OcrFolder
{
    private readonly string _folder;

    /// <summary>Finds the files.</summary>
    /// <param name="folder">The folder.</param>
    /// <exception cref="DirectoryNotFoundException">There is no such folder.</exception>
    /// <exception cref="FileNotFoundException">A file lacks.</exception>
    public OcrFolder(string folder)
    {
        ArgumentNullException.ThrowIfNull(folder);
        _folder = Directory.Exists(folder) ? folder : throw new DirectoryNotFoundException($"{folder}: no such folder. Reading text needs a folder with PP-OCR's models.");
        DetectorPath = Find("det") ?? throw Lacks("det", "finds lines of text");
        RecognizerPath = Find("rec") ?? throw Lacks("rec", "reads them");
        ClassifierPath = Find("cls");
        string[] characters = [.. Directory.GetFiles(folder, "*.txt").Where(path => Has(path, "keys") || Has(path, "dict")).Order(StringComparer.Ordinal)];
        CharactersPath = characters is [var first, ..] ? first : throw new FileNotFoundException($"{folder}: there is no list of characters, a .txt file with 'keys' or 'dict' in its name; it comes with the recognizer.", folder);
    }

    /// <summary>The model that finds lines.</summary>
    public string DetectorPath { get; }

    /// <summary>The model that reads a line.</summary>
    public string RecognizerPath { get; }

    /// <summary>The model that says whether a line is upside down; null if there is none.</summary>
    public string? ClassifierPath { get; }

    /// <summary>The list of characters.</summary>
    public string CharactersPath { get; }

    /// <summary>The characters, one a line, in the order of the recognizer's classes.</summary>
    public string[] ReadCharacters() => [.. new PipelineFiles(null).ReadLines(CharactersPath)];

    private string? Find(string part) => Directory.GetFiles(_folder, "*.onnx").Where(path => Has(path, part)).Order(StringComparer.Ordinal).FirstOrDefault();

    private static bool Has(string path, string part) => Path.GetFileNameWithoutExtension(path).Split('_', '-', '.').Contains(part, StringComparer.OrdinalIgnoreCase) || Path.GetFileNameWithoutExtension(path).Contains($"_{part}", StringComparison.OrdinalIgnoreCase);

    private FileNotFoundException Lacks(string part, string what) => new($"{_folder}: there is no .onnx file with '{part}' in its name, which {what}. PP-OCR's folder has …_det_….onnx, …_rec_….onnx, a list of characters, and perhaps …_cls_….onnx.", _folder);
}
