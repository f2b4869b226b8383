using System.Text;

namespace OnnxStream.Interop.Language.Templates;

/// <summary>A part of a template that writes or sets something.</summary>
internal delegate LoopExit Statement(TemplateScope scope, StringBuilder output);
